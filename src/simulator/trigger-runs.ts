/** A trigger that fired: which event, for which trigger, and what its URL answered. */
export interface TriggerRun {
  triggerId: string;
  topic: string;
  event: unknown;
  /** Absent when the URL could not be reached. */
  status?: number;
  error?: string;
}
