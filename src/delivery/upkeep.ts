/** What keeps the store in shape beside the road: each job runs again and again, and nobody waits for it. */

export interface UpkeepJob {
  name: string;
  everyMs: number;
  /** Does one slice of work and says whether more is waiting. */
  run(): Promise<{ more: boolean }>;
}

/** Runs jobs until stopped; a job that fails is reported and tried again at its next turn. */
export function createUpkeep(jobs: readonly UpkeepJob[], onError: (job: string, error: unknown) => void) {
  let stopped = false;
  const timers = new Set<NodeJS.Timeout>();
  const running = new Set<Promise<void>>();

  async function turn(job: UpkeepJob): Promise<void> {
    try {
      while (!stopped && (await job.run()).more) await new Promise(setImmediate);
    } catch (error) {
      onError(job.name, error);
    }
  }

  function schedule(job: UpkeepJob): void {
    if (stopped) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      const work = turn(job).finally(() => {
        running.delete(work);
        schedule(job);
      });
      running.add(work);
    }, job.everyMs);
    timers.add(timer);
  }

  return {
    start: () => jobs.forEach(schedule),
    async stop() {
      stopped = true;
      for (const timer of timers) clearTimeout(timer);
      await Promise.all(running);
    },
  };
}
