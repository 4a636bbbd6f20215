import assert from 'node:assert/strict';
import { appendFileSync, linkSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { followEvents, streamEvents, streamLines } from '../../../src/audit/index.js';
import { sampleEvent } from '../event-samples.js';
import { makeStream } from './stream-fixture.js';

test('more lines than are read at a time come all and in order', async (t) => {
  const { live } = makeStream(t, [3000, 2], 2500);
  let last = 0;
  for await (const { event } of streamEvents(live)) assert.equal(event.seq, ++last);
  assert.equal(last, 5502);
});

test('who stops reading leaves nothing behind', async (t) => {
  const { live } = makeStream(t, [5000], 4);
  for await (const { lineNo } of streamLines(live)) if (lineNo === 3) break;
});

test('a line that is no event is an error that names it', async (t) => {
  const { live } = makeStream(t, [2], 4);
  appendFileSync(live, 'something\n');
  await assert.rejects(async () => {
    for await (const _ of streamEvents(live));
  }, /audit\.json, line 5: no event in the format native/);
});

test('following goes over a rotation and loses nothing', async (t) => {
  const { live, directory } = makeStream(t, [5], 4);
  const stop = new AbortController();
  const seqs: number[] = [];
  const add = (seq: number): void => {
    appendFileSync(live, `${JSON.stringify(sampleEvent({ seq }))}\n`);
  };
  for await (const { event } of followEvents(live, 8, stop.signal)) {
    seqs.push(event.seq);
    if (event.seq === 9) add(10);
    if (event.seq === 10) {
      add(11);
      linkSync(live, path.join(directory, 'audit.20261122T000001Z.0000000002.json'));
      rmSync(live);
      writeFileSync(live, '');
      add(12);
    }
    if (event.seq === 12) stop.abort();
  }
  assert.deepEqual(seqs, [9, 10, 11, 12]);
});
