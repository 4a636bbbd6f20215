import {
  AuditError,
  AuditFileError,
  type AuditLog,
  describeProblem,
  FilterError,
  isPreset,
  PRESETS,
  type Problem,
  selectionRules,
} from '../../audit/index.js';
import type { Init, pb } from '../../wire/index.js';
import type { LoginContext, Services } from '../context.js';
import { RpcError } from '../rpc-error.js';

export async function rotateAudit({ services }: LoginContext): Promise<Init<pb.AuditRotation>> {
  const audit = streamOf(services);
  const { file, sha256 } = await audit.rotate('admin').catch(refused);
  return { closedFile: file, closedSha256: sha256, fileNo: audit.settings().fileNo };
}

export async function rotateAuditKey({
  services,
  caller,
}: LoginContext): Promise<Init<pb.AuditKeyRotation>> {
  const ids = await streamOf(services).rotateKey(caller.userName).catch(refused);
  return { oldKeyId: ids.old, newKeyId: ids.new };
}

/** What it finds is an event of its own, too. */
export async function verifyAudit(context: LoginContext): Promise<Init<pb.AuditVerification>> {
  const audit = streamOf(context.services);
  const report = await audit.reader.verify().catch(refused);
  const { ok, files, lines, sealsChecked, transactionsChecked = 0, problems } = report;
  context.noteData({ failures: problems.length, files, lines, ok });
  const [first] = problems;
  if (first !== undefined) {
    const place = first.seq === undefined ? {} : { seq: first.seq };
    const actual = describeProblem(first);
    await audit.tamperDetected({ ...place, actual, where: WHERE[first.kind] }).catch(refused);
  }
  const texts = problems.map(describeProblem);
  return { ok, files, lines, sealsChecked, transactionsChecked, problems: texts };
}

const WHERE: Readonly<Record<Problem['kind'], string>> = {
  line: 'audit_chain',
  sequence: 'audit_chain',
  chain: 'audit_chain',
  key: 'audit_chain',
  seal: 'audit_seal',
  sealChain: 'audit_seal',
  missingFile: 'audit_file',
  checkpoint: 'audit_file',
  tail: 'audit_file',
  transaction: 'db_tx',
};

export async function* queryAudit(
  context: LoginContext,
  request: pb.AuditQuery,
): AsyncGenerator<Init<pb.AuditLine>> {
  const audit = streamOf(context.services);
  let returned = 0;
  try {
    for await (const { event, text } of audit.reader.query(request)) {
      returned++;
      yield { seq: event.seq, line: text };
    }
  } catch (error) {
    refused(error);
  } finally {
    context.noteData({ filter: request.filter || '{}', from_seq: request.fromSeq, returned });
  }
}

export function getAuditConfig({ services }: LoginContext): Init<pb.AuditConfig> {
  return { ...streamOf(services).settings() };
}

export async function setAuditConfig(
  context: LoginContext,
  change: pb.AuditConfigChange,
): Promise<Init<pb.AuditConfig>> {
  const audit = streamOf(context.services);
  const before = audit.settings();
  const events = change.events === '' ? before.events : change.events;
  if (!isPreset(events)) {
    const text = `events: expected one of ${PRESETS.join(', ')}`;
    throw new RpcError('auditSettingInvalid', text);
  }
  const rules = await selectionRules(events, change.filter || before.filter).catch(refused);
  await audit.reconfigure(rules, { origin: 'admin', user: context.caller.userName }).catch(refused);
  const after = audit.settings();
  const changes: Record<string, [string, string]> = {};
  if (before.events !== after.events) changes.audit_events = [before.events, after.events];
  if (before.filter !== after.filter) changes.audit_filter = [before.filter, after.filter];
  context.noteData({ changes, origin: 'admin' });
  return { ...after };
}

function streamOf({ audit }: Services): AuditLog {
  if (audit === undefined) throw new RpcError('auditOff');
  return audit;
}

function refused(cause: unknown): never {
  if (cause instanceof FilterError) {
    throw new RpcError('auditSettingInvalid', `filter: ${cause.message}`, { cause });
  }
  if (cause instanceof AuditFileError) {
    throw new RpcError('auditSettingInvalid', cause.message, { cause });
  }
  if (cause instanceof AuditError) {
    if (cause.code === 'locked') throw new RpcError('auditLocked', undefined, { cause });
    const text = cause.code === 'unusable' ? cause.message : undefined;
    throw new RpcError('auditUnavailable', text, { cause });
  }
  throw cause;
}
