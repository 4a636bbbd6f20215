import {
  FORMAT_OPTION,
  type OptionRow,
  optionRow,
  PROGRAM_OPTIONS,
  SERVER_OPTIONS,
  TLS_OPTIONS,
} from '../kit/options.js';

/** The flags of `steleclient`. */
export const OPTIONS: readonly OptionRow[] = [
  ...SERVER_OPTIONS,
  optionRow('server-signing-pub-key', 'text', 'PEM file; states must be signed with this key', {
    value: 'FILE',
  }),
  ...TLS_OPTIONS,
  optionRow('value-only', 'switch', 'Print values and nothing else'),
  optionRow('json', 'switch', 'Print JSON, one object a line'),
  optionRow('raw-hex', 'switch', 'Print keys and values in hexadecimal'),
  FORMAT_OPTION,
  optionRow('input', 'text', 'How keys and values are given: text, hex or base64', {
    value: 'KIND',
    choices: ['text', 'hex', 'base64'],
    fallback: 'text',
  }),
  optionRow('value-file', 'text', 'Take the value from a file, - for standard input', {
    value: 'FILE',
  }),
  optionRow('output', 'text', 'Write the value to this file, byte for byte', {
    short: 'o',
    value: 'FILE',
  }),
  optionRow('revision-separator', 'text', 'Between a key and its revision; empty for none', {
    value: 'TEXT',
    fallback: '@',
  }),
  optionRow('limit', 'number', 'At most so many entries', { value: 'COUNT' }),
  optionRow('desc', 'switch', 'Newest or greatest first'),
  optionRow('complete', 'switch', 'history: prove that no version was left out'),
  optionRow('verify', 'switch', 'history: verify each version'),
  ...PROGRAM_OPTIONS,
  optionRow('max-recv-msg-size', 'number', '', { ignored: true, value: 'BYTES' }),
  optionRow('dir', 'text', '', { ignored: true, value: 'DIR' }),
  optionRow('roots-filepath', 'text', '', { ignored: true, value: 'DIR' }),
  optionRow('prometheus-port', 'number', '', { ignored: true, value: 'PORT' }),
  optionRow('prometheus-host', 'text', '', { ignored: true, value: 'HOST' }),
  optionRow('auth', 'switch', '', { ignored: true }),
];
