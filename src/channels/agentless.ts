/** What the channels that Genesys Cloud carries need of it: messages and e-mails that it sends without an agent. */

export interface AgentlessSms {
  messenger: "sms";
  /** A number of the organisation, E.164. */
  from: string;
  to: string;
  text: string;
}

export interface AgentlessMailbox {
  email: string;
  name?: string | undefined;
}

export interface AgentlessMail {
  from: AgentlessMailbox;
  to: AgentlessMailbox;
  replyTo?: AgentlessMailbox | undefined;
  subject: string;
  text: string;
  html?: string | undefined;
}

/** Why it was not done. */
export interface AgentlessRefusal {
  /** HTTP status; absent when no answer came, or nothing was asked. */
  status?: number | undefined;
  /** Genesys Cloud's code, or `budget.spent` when the rate limit left no room to ask, or `invalid.to` when the request could not be one. */
  code: string;
  /** The fields of the request that were wrong. */
  fields: readonly string[];
  /** Genesys Cloud's own sentence, which may quote addresses and text: to be judged, never kept. */
  detail: string;
  /** Whether it may have been sent all the same. */
  uncertain: boolean;
}

/** `refused` is final, `later` may succeed when asked again. `answer` is for people, without addresses and text. */
export type AgentlessAnswer =
  | { status: "done"; answer: string; value: { id?: string | undefined } }
  | { status: "refused"; answer: string; error: AgentlessRefusal }
  | { status: "later"; answer: string; error: AgentlessRefusal; retryAfterMs?: number };

/** An SMS that went from one number to the other, as Genesys Cloud has it. */
export interface AgentlessFound {
  id: string;
  text: string;
  status: "sent" | "delivered" | "failed";
}

export type AgentlessFinding =
  | { status: "done"; value: AgentlessFound[] }
  | { status: "refused"; answer: string }
  | { status: "later"; retryAfterMs?: number };

/** One organisation's Genesys Cloud. Nothing here throws for what Genesys Cloud does; a send is one request. */
export interface Agentless {
  sendMessage(message: AgentlessSms): Promise<AgentlessAnswer>;
  sendEmail(mail: AgentlessMail): Promise<AgentlessAnswer>;
  /** SMS of this time (milliseconds UTC); one that is not among them may still have been sent. */
  findTexts(question: { from: string; to: string; since: number; until: number }): Promise<AgentlessFinding>;
}

/** Why a send has no answer: the time was over while it was under way. */
const noAnswer: AgentlessAnswer = {
  status: "later",
  answer: "no answer in time",
  error: { code: "timeout", fields: [], detail: "", uncertain: true },
};

/** The answer, or that there was none in time: then it may have been sent, and the request may still be under way. */
export async function awaitAnswer(asked: Promise<AgentlessAnswer>, timeoutMs: number): Promise<AgentlessAnswer> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<AgentlessAnswer>((resolve) => {
    timer = setTimeout(() => resolve(noAnswer), timeoutMs);
  });
  try {
    return await Promise.race([asked, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
