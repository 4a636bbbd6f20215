import type { AuditLog } from '../../audit/index.js';
import { Histogram, type Registry, type Sample } from '../../base/metrics.js';

const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 768];
const SYNC_BUCKETS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5];

/** What is told of the audit stream. */
export function registerAuditMetrics(registry: Registry, audit: AuditLog): void {
  const batches = new Histogram(BATCH_BUCKETS);
  const syncs = new Histogram(SYNC_BUCKETS);
  audit.observeBatches((events, _bytes, seconds) => {
    batches.observe(events);
    syncs.observe(seconds);
  });
  const one = (
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    pick: (stats: ReturnType<AuditLog['stats']>) => number,
  ) => registry.collected(`stele_audit_${name}`, type, help, () => pick(audit.stats()));
  registry.collected('stele_audit_events_total', 'counter', 'Events written.', () =>
    [...audit.stats().events].map(([label, value]): Sample => {
      const [name = '', outcome = ''] = label.split('\t');
      return { labels: { event_name: name, outcome }, value };
    }),
  );
  one('filtered_total', 'counter', 'Events that the filter left out.', (s) => s.filtered);
  one('dropped_total', 'counter', 'Calls served without their event.', (s) => s.dropped);
  one('queue_bytes', 'gauge', 'Bytes of events that wait for the disk.', (s) => s.queueBytes);
  registry.histograms('stele_audit_batch_events', 'Events in one write.', () => [
    { labels: {}, histogram: batches },
  ]);
  registry.histograms('stele_audit_sync_seconds', 'Time until a write was on disk.', () => [
    { labels: {}, histogram: syncs },
  ]);
  one('bytes_total', 'counter', 'Bytes written to audit files.', (s) => s.bytes);
  registry.collected('stele_audit_rotations_total', 'counter', 'Files begun.', () =>
    [...audit.stats().rotations].map(([reason, value]) => ({ labels: { reason }, value })),
  );
  one('last_checkpoint_seq', 'gauge', 'Last line that a checkpoint covers.', (s) => {
    return s.lastCheckpointSeq;
  });
  registry.collected(
    'stele_audit_sink_lag_events',
    'gauge',
    'Lines on disk that a sink has not taken.',
    () => [...audit.stats().sinkLags].map(([sink, value]) => ({ labels: { sink }, value })),
  );
  registry.collected(
    'stele_audit_verify_ok',
    'gauge',
    '1 when the last verification through the server found nothing wrong.',
    () => {
      const { verifyOk } = audit.stats();
      return verifyOk === undefined ? [] : [{ labels: {}, value: Number(verifyOk) }];
    },
  );
  one('free_bytes', 'gauge', 'Free space where the audit files are.', (s) => s.freeBytes);
  one('suspended', 'gauge', '1 while the stream cannot be written.', (s) => Number(s.suspended));
}
