import type { AgentlessAnswer, AgentlessRefusal } from "../../src/channels/agentless";
import { judgeAgentless, judgeFound } from "../../src/channels/agentless-outcome";
import { readRefusal } from "../../src/genesys/error";

/** An answer of Genesys Cloud, read as the client reads it. */
function answered(status: number, body: object, headers: Record<string, string> = {}): AgentlessAnswer {
  const error = readRefusal("agentless.message", { status, headers, data: { status, ...body } }, 0);
  const { message: answer, retryAfterMs } = error;
  if (!error.retryable) return { status: "refused", answer, error };
  return { status: "later", answer, error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function refusedHere(changes: Partial<AgentlessRefusal>): AgentlessAnswer {
  const error = { code: "invalid.to", fields: [], detail: "", uncertain: false, ...changes };
  return { status: "refused", answer: "not sent", error };
}

const named = (fieldName: string) => ({ code: "bad.request", details: [{ errorCode: "field.invalid", fieldName }] });

test("a send that was taken is accepted, under Genesys Cloud's id if it gives one", () => {
  const done = { status: "done", answer: "HTTP 202" } as const;
  expect(judgeAgentless({ ...done, value: { id: "m-1" } })).toEqual({
    status: "accepted",
    providerMessageId: "m-1",
    answer: "HTTP 202",
  });
  expect(judgeAgentless({ ...done, value: {} })).toEqual({ status: "accepted", answer: "HTTP 202" });
});

test.each<[string, AgentlessAnswer, string]>([
  ["an address that is none", answered(400, named("toAddress")), "InvalidDestination"],
  ["an address of a mail that is none", answered(400, named("toAddresses.0.email")), "InvalidDestination"],
  ["a wrong address in words", answered(400, { code: "bad.request", message: "Bad toAddress" }), "InvalidDestination"],
  ["an address refused here", refusedHere({ code: "invalid.to.email" }), "InvalidDestination"],
  ["a number of ours that is none", answered(400, named("fromAddress")), "GeneralError"],
  ["a messenger that is none", answered(400, named("toAddressMessengerType")), "GeneralError"],
  ["a text that is too long", answered(400, named("textBody")), "InvalidMessageStructure"],
  ["a text refused here", refusedHere({ code: "invalid.text" }), "InvalidMessageStructure"],
  ["whatever else", answered(400, { code: "bad.request" }), "GeneralError"],
  ["a code of an opt-out", answered(400, { code: "sms.recipient.opted.out" }), "RecipientOptedOut"],
  [
    "words of an opt-out",
    answered(400, { code: "bad.request", message: "The recipient has opted out of messages." }),
    "RecipientOptedOut",
  ],
  ["a permission we lack", answered(403, { code: "missing.permissions" }), "GeneralError"],
  ["a number we do not have", answered(404, { code: "not.found" }), "GeneralError"],
  ["a mail that is too large", answered(413, { code: "request.entity.too.large" }), "InvalidMediaContentLength"],
])("%s is final", (_what, answer, code) => {
  const outcome = judgeAgentless(answer);
  expect(outcome).toMatchObject({ status: "failed", retryable: false, reason: { code } });
  expect(outcome).not.toHaveProperty("uncertain");
});

test.each<[string, AgentlessAnswer, object]>([
  [
    "a limit",
    answered(429, { code: "too.many.requests.retry.after" }, { "retry-after": "7" }),
    { reason: { code: "RateLimited" }, retryAfterMs: 7000 },
  ],
  [
    "our own budget, before anything was sent",
    { ...refusedHere({ code: "budget.spent" }), status: "later", retryAfterMs: 90 } as AgentlessAnswer,
    { reason: { code: "RateLimited" }, retryAfterMs: 90, unsent: true },
  ],
  ["maintenance", answered(503, {}), { reason: { code: "ServerError" } }],
  ["a token that is over", answered(401, { code: "credentials.expired" }), { reason: { code: "ServerError" } }],
  [
    "a conversation under way with the number",
    answered(400, { code: "bad.request", message: "An active conversation is already in progress." }),
    { reason: { code: "ServerError" } },
  ],
])("%s is worth another try", (_what, answer, expected) => {
  const outcome = judgeAgentless(answer);
  expect(outcome).toMatchObject({ status: "failed", retryable: true, ...expected });
  expect(outcome).not.toHaveProperty("uncertain");
});

test.each([500, 502, 504])("after HTTP %s nobody knows whether it went out", (status) => {
  expect(judgeAgentless(answered(status, {}))).toMatchObject({ status: "failed", retryable: false, uncertain: true });
});

test("nothing of what Genesys Cloud says in words is kept", () => {
  const message = "+436641234567 is no toAddress";
  expect(JSON.stringify(judgeAgentless(answered(400, { code: "bad.request", message })))).not.toContain("664");
});

test.each([
  ["sent", { status: "accepted", providerMessageId: "m-1" }],
  ["delivered", { status: "delivered", providerMessageId: "m-1" }],
  ["failed", { status: "failed", retryable: false, reason: { code: "GeneralError" } }],
] as const)("an SMS found as %s counts as such", (status, expected) => {
  expect(judgeFound({ id: "m-1", text: "Hello", status })).toMatchObject(expected);
});
