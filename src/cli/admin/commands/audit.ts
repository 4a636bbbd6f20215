import { optionRow } from '../../kit/options.js';
import { AdminError } from '../errors.js';
import type { Command } from '../print.js';

export const rotate: Command = {
  name: 'audit rotate',
  usage: '',
  words: [0, 0],
  summary: 'Close the live file of the audit stream and begin a new one',
  async run({ connected, print, signal }) {
    const client = await connected.client();
    const { closedFile, closedSha256, fileNo } = await client.call('RotateAudit', {}, { signal });
    print.line(`closed ${closedFile}, SHA-256 ${closedSha256}; file ${fileNo} begun`, {
      closedFile,
      closedSha256,
      fileNo,
    });
  },
};

export const rotateKey: Command = {
  name: 'audit rotate-key',
  usage: '',
  words: [0, 0],
  summary: 'Hash the keys of users in the audit stream with a new key; the old one is kept',
  async run({ connected, print, signal }) {
    const client = await connected.client();
    const { oldKeyId, newKeyId } = await client.call('RotateAuditKey', {}, { signal });
    print.line(`key ${newKeyId} in place of ${oldKeyId}`, { oldKeyId, newKeyId });
  },
};

export const config: Command = {
  name: 'audit config',
  usage: '',
  words: [0, 0],
  summary: 'Show which events the audit stream takes, or change it',
  details:
    'Without flags nothing is changed. A change holds until the server starts again or is told to read\n' +
    'its configuration file.',
  options: [
    optionRow('audit-events', 'text', 'Take the events of this preset', {
      value: 'PRESET',
      flagOnly: true,
    }),
    optionRow('audit-filter', 'text', 'Take the events that match; {} takes all', {
      value: 'JSON',
      flagOnly: true,
    }),
  ],
  async run({ connected, print, settings, signal }) {
    const events = settings.raw('audit-events');
    const filter = settings.raw('audit-filter');
    const client = await connected.client();
    const changes = events !== '' || filter !== '';
    const found = changes
      ? await client.call('SetAuditConfig', { events, filter }, { signal })
      : await client.call('GetAuditConfig', {}, { signal });
    const { locked, path, format, fileNo, seq } = found;
    print.line(
      [
        `events:  ${found.events}`,
        `filter:  ${found.filter}`,
        `locked:  ${locked}`,
        `file:    ${path} (${format}, number ${fileNo}, ${seq} lines)`,
      ].join('\n'),
      { events: found.events, filter: found.filter, locked, path, format, fileNo, seq },
    );
  },
};

export const verify: Command = {
  name: 'audit verify',
  usage: '',
  words: [0, 0],
  summary: 'Let the server verify its audit stream from the first line to the last',
  details:
    'Exit code 3 when something does not hold. Whoever does not trust the server verifies its files with\n' +
    'stele audit verify.',
  async run({ connected, print, signal, world }) {
    const client = await connected.client();
    // Reads every file; only the user knows how long is too long.
    const options = { signal, deadlineMs: Number.POSITIVE_INFINITY };
    const report = await client.call('VerifyAudit', {}, options);
    const { ok, files, lines, sealsChecked, transactionsChecked, problems } = report;
    print.line(
      `${ok ? 'sound' : `${problems.length} PROBLEMS`}; ${files} files, ${lines} lines, ${sealsChecked} seals, ` +
        `${transactionsChecked} transactions with their events`,
      { ok, files, lines, sealsChecked, transactionsChecked, problems },
    );
    if (ok) return;
    for (const problem of problems) world.err(`NOT VERIFIED: ${problem}\n`);
    throw new AdminError(
      'notVerified',
      'the audit stream does not verify; keep its files as evidence',
    );
  },
};

export const query: Command = {
  name: 'audit query',
  usage: '[filter]',
  words: [0, 1],
  summary: 'Print the lines of the audit stream that match, oldest first',
  details: 'The filter is written as for --audit-filter, such as \'{ "users.user": "immudb" }\'.',
  options: [
    optionRow('from-seq', 'number', 'Leave out the lines before this one', {
      value: 'NUMBER',
      flagOnly: true,
    }),
    optionRow('limit', 'number', 'At most so many lines', { value: 'COUNT', flagOnly: true }),
  ],
  async run({ connected, settings, signal, words, world }) {
    const client = await connected.client();
    const request = {
      filter: words[0] ?? '',
      fromSeq: settings.number('from-seq') ?? 0,
      limit: settings.number('limit') ?? 0,
    };
    for await (const { line } of client.read('QueryAudit', request, { signal })) {
      world.out.write(`${line}\n`);
      await world.out.drained();
    }
  },
};
