// For whoever runs a server.

export type { StatusName } from '../wire/index.js';
export { type AuditedCall, type AuditStage, noAudit } from './audit.js';
export { callEventKinds, catalogueRows } from './audit-kinds.js';
export { auditStage, type KeyForm } from './audit-stage.js';
// For documents and tests that are generated from the tables.
export { ERROR_ANSWERS, type ErrorAnswer, type ErrorCode } from './errors.js';
export { type FrontFigures, LIMIT_NAMES, type LimitName } from './front/index.js';
export { METHOD_ROWS } from './methods.js';
export { type Metrics, noMetrics } from './metrics.js';
export {
  createRpcServer,
  DEFAULT_RPC_LIMITS,
  type RpcLimits,
  type RpcServer,
  type RpcServerDependencies,
} from './server.js';
export type { TlsFiles } from './transport.js';
