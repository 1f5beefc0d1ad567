/** The named steps of the road at which a bridge can be told to die; see mortal.ts for where each one is. */

export interface Step {
  name: string;
  /** Which half of the bridge comes by. */
  half: "web" | "worker" | "both";
  /** It dies when it comes by for the n-th time, n up to this. */
  mostTimes: number;
}

export const steps: readonly Step[] = [
  { name: "webhook.received", half: "web", mostTimes: 200 },
  { name: "transaction.written", half: "both", mostTimes: 100 },
  { name: "arrival.committed", half: "web", mostTimes: 200 },
  { name: "tasks.leased", half: "worker", mostTimes: 50 },
  { name: "sending.committed", half: "worker", mostTimes: 50 },
  { name: "adapter.answered", half: "worker", mostTimes: 150 },
  { name: "outcome.committed", half: "worker", mostTimes: 150 },
  { name: "report.committed", half: "web", mostTimes: 10 },
  { name: "confirmation.committed", half: "worker", mostTimes: 10 },
  { name: "receipt.sent", half: "worker", mostTimes: 100 },
  { name: "receipt.recorded", half: "worker", mostTimes: 100 },
  { name: "notice.committed", half: "worker", mostTimes: 3 },
  { name: "notice.sent", half: "worker", mostTimes: 3 },
  { name: "notice.recorded", half: "worker", mostTimes: 3 },
];
