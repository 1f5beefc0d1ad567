/** What happens inside the simulator, told to whoever listens. */
import { EventEmitter } from "node:events";
import type { LoggedRequest } from "./request-log";
import type { StoredMessage, StoredReceipt } from "./state";
import type { TriggerRun } from "./triggers";
import type { WebhookRecord } from "./webhook-sender";

export interface SimulatorEvents {
  /** Every answered API request. */
  request: [LoggedRequest];
  /** A receipt that was accepted. */
  receipt: [StoredReceipt];
  /** A message or tap of a customer that was accepted. */
  inbound: [StoredMessage];
  /** A message whose status changed. */
  status: [StoredMessage];
  /** A webhook that ended, well or not. */
  webhook: [WebhookRecord];
  /** A trigger that fired and called its URL. */
  trigger: [TriggerRun];
}

export function createEvents() {
  const emitter = new EventEmitter<SimulatorEvents>();
  emitter.setMaxListeners(0);

  /** Listens; the returned function stops it. */
  function on<Name extends keyof SimulatorEvents>(name: Name, listener: (event: SimulatorEvents[Name][0]) => void) {
    // The emitter's types cannot see that a one-element tuple spreads into this listener.
    const heard = listener as (...args: unknown[]) => void;
    (emitter as EventEmitter).on(name, heard);
    return () => void (emitter as EventEmitter).off(name, heard);
  }

  function emit<Name extends keyof SimulatorEvents>(name: Name, event: SimulatorEvents[Name][0]) {
    (emitter as EventEmitter).emit(name, event);
  }

  /** Resolves with the next event that fits; rejects after `timeoutMs`. */
  function next<Name extends keyof SimulatorEvents>(
    name: Name,
    fits: (event: SimulatorEvents[Name][0]) => boolean = () => true,
    timeoutMs = 10_000,
  ): Promise<SimulatorEvents[Name][0]> {
    return new Promise((resolve, reject) => {
      const stop = on(name, (event) => {
        if (!fits(event)) return;
        clearTimeout(timer);
        stop();
        resolve(event);
      });
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`no fitting "${name}" within ${timeoutMs} ms`));
      }, timeoutMs);
    });
  }

  return { on, emit, next };
}
export type Events = ReturnType<typeof createEvents>;
