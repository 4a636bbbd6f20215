import {
  type FrontFigures,
  LIMIT_NAMES,
  type LimitName,
  type Metrics,
  type StatusName,
} from '../../rpc/index.js';
import { METHOD_NAMES, type MethodKind, methods } from '../../wire/index.js';
import { Histogram, type Labels, type Registry, type Sample } from './registry.js';

/** Seconds; what dashboards for this protocol expect. */
const HANDLING_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Clients with a series of their own; the rest share one. */
const CLIENTS_MAX = 10_000;
const OVERFLOW = 'overflow';

const TYPES: Readonly<Record<MethodKind, string>> = {
  unary: 'unary',
  serverStream: 'server_stream',
  clientStream: 'client_stream',
  bidi: 'bidi_stream',
};

interface MethodCounts {
  readonly labels: Labels;
  started: number;
  readonly handled: Map<string, number>;
  readonly seconds: Histogram;
}

interface ClientCounts {
  calls: number;
  lastAt: number;
}

/** Counts calls under the names of the original server, all methods from the start. */
export class RpcMetrics implements Metrics {
  readonly #methods = new Map<string, MethodCounts>();
  readonly #clients = new Map<string, ClientCounts>();
  readonly #errors = new Map<string, number>();
  readonly #limits = new Map<LimitName, number>(LIMIT_NAMES.map((limit) => [limit, 0]));
  #front: (() => FrontFigures) | undefined;
  #connections = 0;
  #bugs = 0;

  constructor(registry: Registry, withHistograms: boolean) {
    for (const method of METHOD_NAMES) {
      const { kind, path } = methods[method];
      const grpc_service = path.slice(1, path.lastIndexOf('/'));
      const labels = { grpc_method: method, grpc_service, grpc_type: TYPES[kind] };
      const seconds = new Histogram(HANDLING_BUCKETS);
      this.#methods.set(method, { labels, started: 0, handled: new Map(), seconds });
    }
    this.#register(registry, withHistograms);
  }

  connectionAccepted(): void {
    this.#connections++;
  }

  limitReached(limit: LimitName): void {
    this.#limits.set(limit, (this.#limits.get(limit) ?? 0) + 1);
  }

  observeFront(read: () => FrontFigures): void {
    this.#front = read;
  }

  started(method: string, _kind: MethodKind, address: string | undefined): void {
    const counts = this.#methods.get(method);
    if (counts !== undefined) counts.started++;
    const client = this.#client(address ?? 'unknown');
    client.calls++;
    client.lastAt = Date.now();
  }

  #client(address: string): ClientCounts {
    let client = this.#clients.get(address);
    if (client !== undefined) return client;
    if (this.#clients.size >= CLIENTS_MAX && address !== OVERFLOW) return this.#client(OVERFLOW);
    client = { calls: 0, lastAt: 0 };
    this.#clients.set(address, client);
    return client;
  }

  finished(
    method: string,
    _kind: MethodKind,
    status: StatusName,
    seconds: number,
    errorCode: string | undefined,
  ): void {
    const counts = this.#methods.get(method);
    if (counts !== undefined) {
      counts.handled.set(status, (counts.handled.get(status) ?? 0) + 1);
      counts.seconds.observe(seconds);
    }
    if (errorCode !== undefined) {
      this.#errors.set(errorCode, (this.#errors.get(errorCode) ?? 0) + 1);
    }
  }

  internalError(): void {
    this.#bugs++;
  }

  #register(registry: Registry, withHistograms: boolean): void {
    const methods = this.#methods;
    const perMethod = (pick: (counts: MethodCounts) => number) =>
      function* (): Generator<Sample> {
        for (const counts of methods.values()) yield { labels: counts.labels, value: pick(counts) };
      };
    registry.collected(
      'grpc_server_started_total',
      'counter',
      'Calls that arrived.',
      perMethod(({ started }) => started),
    );
    registry.collected(
      'grpc_server_handled_total',
      'counter',
      'Calls that ended, by status.',
      function* () {
        for (const { labels, handled } of methods.values()) {
          for (const [status, value] of handled) {
            yield { labels: { grpc_code: grpcCodeName(status), ...labels }, value };
          }
        }
      },
    );
    if (withHistograms) {
      registry.histograms(
        'grpc_server_handling_seconds',
        'Time from the arrival of a call to its answer.',
        function* () {
          for (const { labels, seconds } of methods.values()) yield { labels, histogram: seconds };
        },
      );
    }
    this.#registerClients(registry);
    this.#registerFront(registry);
    registry.collected(
      'stele_rpc_errors_total',
      'counter',
      'Refused and failed calls, by the code of the error.',
      () => [...this.#errors].map(([code, value]) => ({ labels: { code }, value })),
    );
    registry.collected(
      'stele_bugs_total',
      'counter',
      'Calls that failed in a way that no rule knows; the log has their stacks.',
      () => this.#bugs,
    );
  }

  #registerFront(registry: Registry): void {
    const gauge = (name: string, help: string, pick: (figures: FrontFigures) => number) =>
      registry.collected(name, 'gauge', help, () =>
        this.#front === undefined ? 0 : pick(this.#front()),
      );
    gauge('stele_connections', 'Connections that are open.', (front) => front.connections);
    gauge('stele_open_streams', 'Calls whose streams are open.', (front) => front.streams);
    gauge(
      'stele_request_bytes',
      'Bytes of requests being received or handled.',
      (front) => front.requestBytes,
    );
    gauge(
      'stele_unsent_bytes',
      'Bytes of answers that clients have not taken yet.',
      (front) => front.unsentBytes,
    );
    registry.collected(
      'stele_connections_accepted_total',
      'counter',
      'Connections that were let in.',
      () => this.#connections,
    );
    registry.collected(
      'stele_limits_reached_total',
      'counter',
      'Connections and calls refused or ended for a limit, by the option that sets it.',
      () => [...this.#limits].map(([limit, value]) => ({ labels: { limit }, value })),
    );
  }

  #registerClients(registry: Registry): void {
    registry.collected(
      'immudb_number_of_rpcs_per_client',
      'counter',
      'Calls by address of the client.',
      () => [...this.#clients].map(([ip, { calls }]) => ({ labels: { ip }, value: calls })),
    );
    registry.collected(
      'immudb_clients_last_message_at_unix_seconds',
      'gauge',
      'When a client called last.',
      () =>
        [...this.#clients].map(([ip, { lastAt }]) => ({
          labels: { ip },
          value: Math.floor(lastAt / 1000),
        })),
    );
  }
}

/** `NOT_FOUND` as `NotFound`, the spelling of gRPC's own metrics. */
function grpcCodeName(status: string): string {
  if (status === 'OK') return 'OK';
  return status
    .toLowerCase()
    .replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
