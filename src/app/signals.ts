import type { Log } from '../base/log.js';

export interface ProcessSignals extends Disposable {
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
  /** Each SIGHUP; listeners do not throw. */
  onHangup(listener: () => void): void;
  /** Each SIGUSR1; listeners do not throw. */
  onUser1(listener: () => void): void;
}

/** Takes over SIGTERM, SIGINT, SIGHUP and SIGUSR1 until disposed of. */
export function handleSignals(log: Log): ProcessSignals {
  const controller = new AbortController();
  const hangupListeners: (() => void)[] = [];
  const user1Listeners: (() => void)[] = [];

  const stop = (name: NodeJS.Signals) => {
    // A terminal and npm both pass on Ctrl-C, so one key press may come twice.
    if (controller.signal.aborted) return;
    log.info(`caught ${name}`);
    controller.abort();
  };
  const hangup = () => {
    log.info('caught SIGHUP');
    for (const listener of hangupListeners) listener();
  };
  const user1 = () => {
    log.info('caught SIGUSR1');
    for (const listener of user1Listeners) listener();
  };
  // In place of Node's own answer, which opens a debugger.
  process.on('SIGUSR1', user1);
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', hangup);
  return {
    stop: controller.signal,
    onHangup: (listener) => {
      hangupListeners.push(listener);
    },
    onUser1: (listener) => {
      user1Listeners.push(listener);
    },
    [Symbol.dispose]: () => {
      process.off('SIGTERM', stop);
      process.off('SIGINT', stop);
      process.off('SIGHUP', hangup);
      process.off('SIGUSR1', user1);
    },
  };
}
