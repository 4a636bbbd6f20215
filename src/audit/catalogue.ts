/** Groups of events that presets speak of. */
export type AuditClass =
  | 'auth'
  | 'user'
  | 'database'
  | 'write'
  | 'read'
  | 'transfer'
  | 'server'
  | 'config'
  | 'unimplemented';

/** What can be asked for with `--audit-events`; a filter takes away from it. */
export const PRESETS = ['none', 'admin', 'write', 'all', 'everything'] as const;

export type Preset = (typeof PRESETS)[number];

export function isPreset(text: string): text is Preset {
  return (PRESETS as readonly string[]).includes(text);
}

/** Events that the server leaves by itself, and the refusals that any call can become. */
export const SERVER_EVENTS: Readonly<Record<string, { class: AuditClass; about: string }>> = {
  'auth.rejected': { class: 'auth', about: 'a call without a valid login' },
  'authz.denied': { class: 'auth', about: 'a call that its caller may not make' },
  'auth.session.expired': { class: 'auth', about: 'a session that nobody closed' },
  'user.admin_reset': {
    class: 'user',
    about: 'a start gave the first user the configured password',
  },
  'database.load': { class: 'database', about: 'a database that is opened' },
  'database.unload': {
    class: 'database',
    about: 'a database that is closed because nobody uses it, or at the end',
  },
  'tx.recovered': { class: 'write', about: 'a transaction whose event a crash prevented' },
  'server.started': { class: 'config', about: 'the end of a start' },
  'server.stopping': { class: 'config', about: 'the begin of a stop' },
  'audit.opened': { class: 'config', about: 'the first line of a file' },
  'audit.rotated': { class: 'config', about: 'the last line of a file' },
  'audit.checkpoint': { class: 'config', about: 'a record of the stream in an immutable database' },
  'audit.config_changed': { class: 'config', about: 'another filter or preset' },
  'audit.key_rotated': { class: 'config', about: 'another key hashes keys of users' },
  'audit.file_archived': { class: 'config', about: 'a closed file was compressed' },
  'audit.file_deleted': {
    class: 'config',
    about: 'a closed file is deleted by the retention rules',
  },
  'audit.space_low': { class: 'config', about: 'free space fell under a watermark' },
  'audit.suspended': { class: 'config', about: 'the stream cannot be written' },
  'audit.resumed': { class: 'config', about: 'the stream can be written again' },
  'audit.gap': { class: 'config', about: 'calls were served without events, as configured' },
  'audit.recovered': { class: 'config', about: 'an unfinished batch of a crash was taken off' },
  'tamper.detected': { class: 'config', about: 'a file was changed, cut, replaced or deleted' },
};

/** Written whatever preset and filter say. */
export function isAlwaysWritten(eventName: string): boolean {
  return (
    eventName === 'config.changed' ||
    eventName === 'tx.recovered' ||
    eventName === 'tamper.detected' ||
    eventName.startsWith('server.st') ||
    (eventName.startsWith('audit.') && eventName !== 'audit.queried')
  );
}

/** Whether `tx_id` of such an event is a transaction that its call committed. */
export function vouchesForTx(eventName: string, readOnly: boolean): boolean {
  if (eventName === 'tx.recovered' || eventName === 'tx.import') return true;
  return eventName.startsWith('kv.') && !readOnly;
}

const NOISE: ReadonlySet<string> = new Set(['session.keepalive', 'server.health', 'state.read']);

/** Whether a preset takes the events of a name. */
export function presetSelects(preset: Preset, eventClass: AuditClass, eventName: string): boolean {
  if (isAlwaysWritten(eventName)) return true;
  switch (preset) {
    case 'none':
      return false;
    case 'everything':
      return true;
    case 'all':
      return !NOISE.has(eventName);
    case 'write':
      return eventClass === 'write' || isAdministrative(eventClass, eventName);
    case 'admin':
      return isAdministrative(eventClass, eventName);
  }
}

function isAdministrative(eventClass: AuditClass, eventName: string): boolean {
  if (NOISE.has(eventName)) return false;
  return eventClass !== 'write' && eventClass !== 'read' && eventClass !== 'server';
}
