/** `POST /analytics/conversations/details/query`: finding an earlier customer. */
import { z } from "zod";
import { badRequest, parseBody } from "./api-error";
import { customerOf } from "./conversations";
import type { Call, Route } from "./route";
import type { Conversation, State } from "./state";

const predicate = z.looseObject({
  dimension: z.string(),
  operator: z.enum(["matches", "exists", "notExists"]).optional(),
  value: z.string().nullish(),
});
const clause = z.looseObject({ type: z.enum(["and", "or"]), predicates: z.array(predicate).optional() });
const filter = clause.extend({ clauses: z.array(clause).optional() });
type Filter = z.infer<typeof filter>;

const detailsQuery = z.looseObject({
  interval: z.string().regex(/^[^/]+\/[^/]+$/),
  conversationFilters: z.array(filter).nullish(),
  segmentFilters: z.array(filter).nullish(),
  order: z.enum(["asc", "desc"]).optional(),
  orderBy: z.enum(["conversationStart", "conversationEnd", "segmentStart", "segmentEnd"]).optional(),
  paging: z.looseObject({ pageSize: z.int().min(1).max(100), pageNumber: z.int().min(1) }).nullish(),
});

export function createAnalyticsRoutes({ state }: { state: State }): Route[] {
  function query(call: Call) {
    const body = parseBody(detailsQuery, call.body);
    const [from = Number.NaN, to = Number.NaN] = body.interval.split("/").map((time) => Date.parse(time));
    if (!(from < to)) throw badRequest("The interval is not start/end in ISO 8601.");
    const filters = [...(body.conversationFilters ?? []), ...(body.segmentFilters ?? [])];
    const found = [...state.conversations.values()]
      .filter(({ startTime }) => Date.parse(startTime) >= from && Date.parse(startTime) < to)
      .filter((conversation) => filters.every((wanted) => fitsFilter(conversation, wanted)))
      .toSorted((a, b) => a.startTime.localeCompare(b.startTime) * (body.order === "desc" ? -1 : 1));
    const { pageSize, pageNumber } = body.paging ?? { pageSize: 25, pageNumber: 1 };
    const page = found.slice((pageNumber - 1) * pageSize, pageNumber * pageSize);
    return { status: 200, body: { conversations: page.map(show), totalHits: found.length } };
  }

  return [
    {
      method: "POST",
      path: "/api/v2/analytics/conversations/details/query",
      needs: { any: ["analytics:conversationDetail:view"] },
      handle: query,
    },
  ];
}

function fitsFilter(conversation: Conversation, { type, predicates = [], clauses = [] }: Filter): boolean {
  const verdicts = [
    ...predicates.map((wanted) => fitsPredicate(conversation, wanted)),
    ...clauses.map((wanted) => fitsFilter(conversation, wanted)),
  ];
  return type === "and" ? verdicts.every(Boolean) : verdicts.some(Boolean);
}

function fitsPredicate(
  conversation: Conversation,
  { dimension, operator = "matches", value }: z.infer<typeof predicate>,
) {
  const [addressFrom, addressTo] =
    conversation.direction === "inbound"
      ? [conversation.customer.id, conversation.address]
      : [conversation.address, conversation.customer.id];
  const dimensions = new Map<string, string | undefined>([
    ["conversationId", conversation.id],
    ["mediaType", conversation.messengerType === "email" ? "email" : "message"],
    ["messageType", conversation.messengerType],
    ["direction", conversation.direction],
    ["addressFrom", addressFrom],
    ["addressTo", addressTo],
    ["externalContactId", customerOf(conversation).externalContactId],
    ["conversationEnd", conversation.endTime],
  ]);
  if (!dimensions.has(dimension)) throw badRequest(`The dimension ${dimension} is not known here.`);
  const found = dimensions.get(dimension);
  if (operator === "exists") return found !== undefined;
  if (operator === "notExists") return found === undefined;
  return found === value;
}

function show(conversation: Conversation) {
  const { id, startTime, endTime, direction, messengerType, participants } = conversation;
  return {
    conversationId: id,
    conversationStart: startTime,
    conversationEnd: endTime,
    originatingDirection: direction,
    participants: participants.map((participant) => ({
      participantId: participant.id,
      participantName: participant.name,
      purpose: participant.purpose,
      userId: participant.userId,
      externalContactId: participant.externalContactId,
      sessions: participant.legs.map((leg) => ({
        sessionId: leg.id,
        mediaType: messengerType === "email" ? "email" : "message",
        messageType: messengerType,
        direction,
        addressFrom: direction === "inbound" ? conversation.customer.id : conversation.address,
        addressTo: direction === "inbound" ? conversation.address : conversation.customer.id,
        provider: "PureCloud Messaging",
        segments: [{ segmentStart: leg.connectedTime, segmentEnd: leg.disconnectedTime, segmentType: "interact" }],
      })),
    })),
  };
}
