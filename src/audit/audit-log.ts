import { messageOf } from '../base/errors.js';
import { ActiveRules } from './active-rules.js';
import { Admission } from './admission.js';
import { type AuditKey, auditKeyFile, openAuditKey } from './audit-key.js';
import type { AuditClass } from './catalogue.js';
import { Checkpoints } from './checkpoints.js';
import { Counters } from './counters.js';
import type { AuditEvent, EventData } from './event.js';
import { streamNames } from './file-names.js';
import { fitted } from './fit.js';
import { prepareFolder } from './folder.js';
import { AUDIT_FORMATS, lineFormat } from './formats/convert.js';
import { KeyRing } from './key-ring.js';
import type {
  AuditLogOptions,
  AuditSettings,
  AuditStats,
  BatchObserver,
  ChangeOrigin,
} from './options.js';
import { Outage } from './outage.js';
import { AuditReader } from './reader.js';
import { Reconciler } from './reconcile.js';
import type { Checkpoint } from './records.js';
import { type Recovered, recover } from './recovery.js';
import { filterText } from './rules.js';
import { SealStore } from './seal-store.js';
import { Sealer } from './sealer.js';
import type { SelectionRules } from './selection.js';
import { type OwnEvent, serverEvent } from './server-event.js';
import { Sinks } from './sinks/sinks.js';
import { AuditSpace } from './space.js';
import { SpaceWatch } from './space-watch.js';
import { type ClosedName, type RotationReason, StreamFiles } from './stream-files.js';
import { uuidV7 } from './uuid.js';
import { Watermarks } from './watermarks.js';
import { type AuditedTx, StreamWriter } from './writer.js';

const TICK_MS = 1000;

/** The audit stream of a server. */
export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #keys: KeyRing;
  readonly #watermarks: Watermarks;
  readonly #space: AuditSpace;
  readonly #writer: StreamWriter;
  readonly #sealer: Sealer;
  readonly #checkpoints: Checkpoints;
  readonly #reconciler: Reconciler;
  readonly #outage: Outage;
  readonly #counters = new Counters();
  readonly #spaceWatch: SpaceWatch;
  readonly #admission: Admission;
  readonly reader: AuditReader;
  #sinks: Sinks | undefined;
  readonly #rules: ActiveRules;
  #timer: NodeJS.Timeout | undefined;
  #onBatch: BatchObserver = () => {};
  #ticking: Promise<void> | undefined;

  private constructor(
    options: AuditLogOptions,
    key: AuditKey,
    store: SealStore,
    found: Recovered,
    prevSeal: string,
  ) {
    const { clock, log, format, retention, compress } = options;
    this.#options = options;
    this.#keys = new KeyRing({
      ...{ key, path: options.path, locked: options.locked },
      say: (name, data, more) => this.say(name, data, more),
      rotate: () => this.#writer.rotate('config'),
    });
    const names = streamNames(options.path);
    this.#rules = new ActiveRules({
      ...options,
      say: (name, data, more) => this.say(name, data, more),
    });
    this.#watermarks = new Watermarks();
    this.#space = new AuditSpace(names.folder, options.space);
    this.#sealer = new Sealer({
      ...{ names, store, prevSeal, compress, retention, clock, log },
      takenByAll: () => this.#sinks?.takenByAll,
      covered: () => this.checkpoint(),
      say: (name, data) => this.say(name, data),
    });
    const files = new StreamFiles(
      {
        names,
        clock,
        format: format.name,
        sync: options.sync,
        keyId: () => this.#keys.key.id,
        fileNo: found.fileNo,
        previous: found.previous,
        opened: () => ({ ...this.#rules.digest(), sync: options.sync ? 'group' : 'none' }),
        closed: (file) => this.#sealer.add(file),
      },
      found.resumed,
    );
    this.#writer = new StreamWriter({
      ...{ files, format, clock, log, head: found.head },
      ...{ rotateBytes: options.rotateBytes, rotateIntervalMs: options.rotateIntervalMs },
      events: this.#writerEvents(),
    });
    this.reader = new AuditReader({ ...options, lastSeq: () => this.#writer.head.seq });
    this.#outage = new Outage({
      ...options,
      space: this.#space,
      make: (name, data) => this.#make(name, data),
      rejectWaiting: (error) => this.#writer.rejectWaiting(error),
    });
    this.#spaceWatch = new SpaceWatch({
      ...{ space: this.#space, onFailure: options.onFailure, log },
      isWritable: () => this.#writer.suspendedBy === undefined,
      say: (name, data) => this.say(name, data),
    });
    this.#admission = new Admission({
      ...options,
      ...{ writer: this.#writer, outage: this.#outage, spaceWatch: this.#spaceWatch },
      requiredSinkFails: () => this.#sinks?.requiredFails === true,
    });
    this.#reconciler = new Reconciler({
      ...{ databases: options.databases, sealDatabase: options.sealDatabase.name },
      ...{ watermarks: this.#watermarks, clock, log },
      writesAreLeftOut: () => this.#rules.selection.writesAreLeftOut,
      say: (name, data, resource) => this.say(name, data, { resource }),
    });
    this.#checkpoints = new Checkpoints({
      store,
      writer: this.#writer,
      watermarks: this.#watermarks,
      clock,
      settle: (all) => (all ? this.#reconciler.settleAll() : this.#reconciler.settle()),
      say: (name, data) => this.say(name, data),
    });
  }

  /**
   * Finds out what the last server left, says so in the stream, and gives every committed transaction
   * that has no event one.
   * @throws AuditError unusable; what the file system and the database of the seals throw
   */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    const names = streamNames(options.path);
    await prepareFolder(names.folder);
    const key = await openAuditKey(auditKeyFile(names.folder));
    const store = new SealStore(options.sealDatabase);
    const { seal, hash } = await store.lastSeal();
    const checkpoint = await store.lastCheckpoint();
    const nowMs = options.clock.now();
    const { format, sync } = options;
    const formats = AUDIT_FORMATS.map((name) => lineFormat(name, { productVersion: '' }));
    const found = await recover({
      ...{ names, format, formats, keyId: key.id, sync, seal, checkpoint, nowMs },
    });
    const audit = new AuditLog(options, key, store, found, hash);
    await audit.#begin(found, checkpoint);
    return audit;
  }

  async #begin(found: Recovered, checkpoint: Checkpoint | undefined): Promise<void> {
    // What was committed before there was a stream needs no event; that is noted first of all.
    const hasHistory = found.head.seq > 0;
    await this.#writer.begin('startup');
    if (found.torn !== undefined) await this.say('audit.recovered', found.torn);
    for (const data of found.tampered) await this.tamperDetected(data);
    await this.#reconciler.start(found, checkpoint, hasHistory);
    for (const file of found.closed) this.#sealer.add(file);
    await this.#keys.found(found.keyId);
    const isNew = found.resumed === undefined;
    if (!isNew && this.#options.rotateOnStart) await this.#writer.rotate('startup');
    this.#checkpoints.begin();
    if (!hasHistory) await this.checkpoint();
    this.#timer = setInterval(() => {
      this.#ticking ??= this.#tick().finally(() => {
        this.#ticking = undefined;
      });
    }, TICK_MS).unref();
    // Not in the way of the start.
    void this.#outage.makeReserve();
    this.#sinks = await Sinks.open({
      ...this.#options,
      required: this.#options.requiredSink,
      newestSeq: this.#writer.head.seq,
    });
  }

  // For the pipeline.

  /** Whether events of this name may be written. */
  selects(name: string): boolean {
    return this.#rules.selection.of(name) !== 'never';
  }

  /** Event ids and request ids. */
  uuid(): string {
    return uuidV7(this.#options.clock.now());
  }

  get eventSource(): string {
    return this.#options.eventSource;
  }

  /**
   * Called before a call does anything.
   * @returns undefined when it may go on at once
   * @throws AuditError suspended, spaceLow
   */
  admit(readOnly: boolean, writesData: boolean): Promise<void> | undefined {
    return this.#admission.admit(readOnly, writesData);
  }

  /**
   * Resolves when the event is on disk, or left out.
   * @param tx the transaction that the call committed
   * @throws AuditError suspended: the event stays in memory and is written when that is possible
   */
  write(event: AuditEvent, eventClass: AuditClass, tx?: AuditedTx): Promise<unknown> | undefined {
    if (!this.#rules.selection.takes(event, eventClass)) {
      this.#counters.filtered++;
      if (tx !== undefined) this.#noteTx(tx);
      return undefined;
    }
    const append = () => {
      this.#counters.count(event);
      return this.#writer.append(fitted(event, this.#options.eventBytesMax), tx);
    };
    if (this.#writer.suspendedBy !== undefined) return this.#admission.writeLater(event, append);
    const written = append();
    return this.#sinks?.taken(written) ?? written;
  }

  #noteTx({ database, txId }: AuditedTx): void {
    this.#watermarks.add(database, txId);
  }

  /** A database that does not exist any more; one of its name starts anew. */
  forgetDatabase(name: string): void {
    this.#reconciler.forgetDatabase(name);
  }

  /** Digests of what must be recognised and not be read. */
  get key(): AuditKey {
    return this.#keys.key;
  }

  // For the server itself.

  /** An event of the server itself; resolves when it is on disk. */
  async say(name: string, data: EventData, more: OwnEvent = {}): Promise<void> {
    const event = this.#make(name, data, more);
    this.#counters.count(event);
    await this.#writer.append(event);
  }

  /** The same for one that the rules may leave out, and nobody waits for. */
  tell(name: string, eventClass: AuditClass, data: EventData, more: OwnEvent = {}): void {
    if (!this.#rules.selection.takes(this.#make(name, data, more), eventClass)) {
      this.#counters.filtered++;
      return;
    }
    this.say(name, data, more).catch((error: unknown) => {
      this.#options.log.warn('an audit event is lost', { event: name, reason: messageOf(error) });
    });
  }

  async tamperDetected(data: EventData): Promise<void> {
    const { where, seq, file_no: fileNo } = data;
    this.#options.log.error('the audit stream was tampered with', {
      where: String(where),
      ...(seq === undefined ? {} : { seq: Number(seq) }),
      ...(fileNo === undefined ? {} : { fileNo: Number(fileNo) }),
    });
    await this.say('tamper.detected', data);
  }

  #make(name: string, data: EventData, more: OwnEvent = {}): AuditEvent {
    const { clock, eventSource } = this.#options;
    return serverEvent(clock.now(), eventSource, name, data, more);
  }

  /** @throws AuditError locked, suspended */
  reconfigure(rules: SelectionRules, origin: ChangeOrigin): Promise<void> {
    return this.#rules.change(rules, origin);
  }

  settings(): AuditSettings {
    const { locked, path: live, format } = this.#options;
    const { rules } = this.#rules.selection;
    return {
      events: rules.preset,
      filter: filterText(rules),
      locked,
      path: live,
      format: format.name,
      fileNo: this.#writer.files.fileNo,
      seq: this.#writer.head.seq,
    };
  }

  /** @returns the file that was closed. @throws AuditError suspended */
  rotate(reason: RotationReason): Promise<ClosedName> {
    return this.#writer.rotate(reason);
  }

  /** Makes a checkpoint now; true when the server stops after it. */
  async checkpoint(clean = false): Promise<void> {
    await this.#checkpoints.make(clean);
  }

  /**
   * Hashes with another key from now on, in a new file. Calls under way may still use the old one.
   * @returns the ids of both. @throws AuditError locked, suspended
   */
  rotateKey(user?: string): Promise<{ readonly old: string; readonly new: string }> {
    return this.#keys.replace(user);
  }

  observeBatches(observer: BatchObserver): void {
    this.#onBatch = observer;
  }

  stats(): AuditStats {
    return {
      ...this.#counters.figures(),
      dropped: this.#outage.dropped,
      queueBytes: this.#writer.queuedBytes,
      lastCheckpointSeq: this.#checkpoints.lastSeq,
      freeBytes: this.#space.free,
      suspended: this.#writer.suspendedBy !== undefined,
      seq: this.#writer.head.seq,
      verifyOk: this.reader.lastOk,
      sinkLags: this.#sinks?.lags() ?? new Map(),
    };
  }

  /** The last lines, the last checkpoint; then the files are closed. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#outage.dispose();
    await this.#ticking;
    await this.#sealer.stop();
    if (this.#writer.suspendedBy === undefined) {
      await this.checkpoint(true).catch((error: unknown) => {
        this.#options.log.warn('the last audit checkpoint failed', { reason: messageOf(error) });
      });
    }
    const { seq } = this.#writer.head;
    await this.#writer.close();
    await this.#sinks?.close(seq);
  }

  // Once a second.

  async #tick(): Promise<void> {
    try {
      await this.#spaceWatch.look();
      await this.#writer.tick();
      this.#sealer.run();
      const due = this.#options.checkpointIntervalMs;
      if (this.#writer.suspendedBy === undefined) await this.#checkpoints.makeIfDue(due);
    } catch (error) {
      this.#options.log.warn('upkeep of the audit stream failed', { reason: messageOf(error) });
    }
  }

  #writerEvents() {
    return {
      make: (name: string, data: EventData) => this.#make(name, data),
      durable: (txs: readonly AuditedTx[]) => {
        for (const tx of txs) this.#noteTx(tx);
      },
      batch: (events: number, bytes: number, seconds: number) => {
        this.#counters.bytes += bytes;
        this.#sinks?.notify(this.#writer.head.seq);
        this.#onBatch(events, bytes, seconds);
      },
      rotated: (reason: RotationReason) => this.#counters.rotated(reason),
      tampered: (what: string, file: string) => {
        this.#options.log.error('the audit file was tampered with', { what, file });
      },
      suspended: (error: unknown) => this.#outage.begin(error),
      mayResume: () => this.#outage.mayEnd(),
      resumed: () => {
        this.#reconciler.forgetSeen();
        return this.#outage.end();
      },
    };
  }
}
