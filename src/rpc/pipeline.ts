import { METHOD_NAMES, type MethodName, STATUS } from '../wire/index.js';
import type { AuditStage } from './audit.js';
import { Call, type CallEnvironment } from './call.js';
import type { Services } from './context.js';
import type { Metrics } from './metrics.js';
import { type Plan, planOf } from './plan.js';
import { RpcError } from './rpc-error.js';
import type { TransportCall } from './transport.js';

/** Milliseconds. */
export interface CallLimits {
  /** For a call that is no stream. */
  readonly unaryDeadlineMs: number;
  /** For which a stream may stand still. */
  readonly streamProgressTimeoutMs: number;
}

export interface PipelineDependencies {
  readonly services: Services;
  readonly metrics: Metrics;
  readonly audit: AuditStage;
  readonly limits: CallLimits;
}

/** How often calls are looked at that take too long. */
const SWEEP_INTERVAL_MS = 500;

/** Takes calls from a transport and keeps account of those under way. */
export class Pipeline {
  readonly #plans = new Map<MethodName, Plan>(METHOD_NAMES.map((name) => [name, planOf(name)]));
  readonly #environment: CallEnvironment;
  readonly #services: Services;
  readonly #limits: CallLimits;
  readonly #calls = new Set<Call>();
  readonly #sweeper: NodeJS.Timeout;
  readonly #idle: (() => void)[] = [];
  #stopping = false;

  constructor({ services, metrics, audit, limits }: PipelineDependencies) {
    this.#services = services;
    this.#limits = limits;
    this.#environment = {
      services,
      metrics,
      audit,
      stopping: () => this.#stopping,
      onDone: (call) => this.#done(call),
    };
    this.#sweeper = setInterval(() => this.sweep(), SWEEP_INTERVAL_MS).unref();
  }

  accept(method: MethodName, transport: TransportCall): void {
    const call = new Call(this.#plans.get(method) as Plan, transport, this.#environment);
    this.#calls.add(call);
    call.run().catch((error: unknown) => {
      this.#services.log.error('bug: a call could not be answered', {
        method,
        error: error instanceof Error ? error.stack : String(error),
      });
      transport.end({ code: STATUS.INTERNAL, text: 'internal error' });
      this.#done(call);
    });
  }

  /** Calls under way, those whose client is gone included. */
  get inFlight(): number {
    return this.#calls.size;
  }

  /** Ends calls that have used up their time. */
  sweep(): void {
    const now = this.#services.clock.now();
    const { unaryDeadlineMs, streamProgressTimeoutMs } = this.#limits;
    for (const call of this.#calls) {
      if (call.isUnary) {
        if (now - call.startedAt > unaryDeadlineMs) this.#expire(call, 'deadlineExceeded');
      } else if (now - call.progressAt > streamProgressTimeoutMs) {
        this.#expire(call, 'streamStalled');
      }
    }
  }

  #expire(call: Call, code: 'deadlineExceeded' | 'streamStalled'): void {
    if (!call.interrupt(new RpcError(code))) return;
    const limit = code === 'streamStalled' ? 'stream-progress-timeout' : 'unary-deadline';
    this.#environment.metrics.limitReached(limit);
  }

  /** Calls from now on are refused; those under way go on. */
  stop(): void {
    this.#stopping = true;
  }

  /** Ends what still waits for its client. */
  interruptAll(): void {
    for (const call of this.#calls) call.interrupt(new RpcError('serverStopping'));
  }

  /** Resolves when no call is under way. */
  async idle(): Promise<void> {
    if (this.#calls.size === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  dispose(): void {
    clearInterval(this.#sweeper);
  }

  #done(call: Call): void {
    this.#calls.delete(call);
    if (this.#calls.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
