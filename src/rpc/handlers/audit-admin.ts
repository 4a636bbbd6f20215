import {
  AuditError,
  type AuditLog,
  FilterError,
  isPreset,
  PRESETS,
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
  if (cause instanceof AuditError) {
    throw new RpcError(cause.code === 'locked' ? 'auditLocked' : 'auditUnavailable', undefined, {
      cause,
    });
  }
  throw cause;
}
