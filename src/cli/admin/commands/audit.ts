import { optionRow } from '../../kit/options.js';
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
