/** Canned responses: `/responsemanagement/responses`. */
import { z } from "zod";
import { badRequest, notFound, parseBody } from "./api-error";
import { newEntityId } from "./ids";
import { pageOf, readPage } from "./listing";
import type { Call, Route } from "./route";
import type { Resource, State } from "./state";

const view = { any: ["responses:response:view"] };

/** SDK `Response`; what is not checked here is kept as it is. */
const cannedResponse = z.looseObject({
  name: z.string(),
  libraries: z.array(z.looseObject({ id: z.string() })).min(1),
  texts: z
    .array(
      z.looseObject({
        content: z.string(),
        contentType: z.enum(["text/plain", "text/html"]).optional(),
        type: z.enum(["body", "subject"]).optional(),
      }),
    )
    .min(1),
  substitutions: z.array(z.looseObject({ id: z.string(), defaultValue: z.string().nullish() })).optional(),
  responseType: z
    .enum(["MessagingTemplate", "CampaignSmsTemplate", "CampaignEmailTemplate", "Footer", "Form"])
    .optional(),
  messagingTemplate: z
    .looseObject({ whatsApp: z.looseObject({ name: z.string(), language: z.string() }).optional() })
    .optional(),
});
export type CannedResponse = z.infer<typeof cannedResponse>;

const query = z.looseObject({
  queryPhrase: z.string().optional(),
  pageSize: z.int().min(1).max(500).optional(),
  pageNumber: z.int().min(1).optional(),
  filters: z.array(z.looseObject({ name: z.string(), operator: z.string(), values: z.array(z.string()) })).optional(),
});

export function createResponses({ state, now }: { state: State; now: () => number }) {
  /** Adds a canned response, version 1. */
  function add(input: CannedResponse & { id?: string }): Resource {
    const id = input.id ?? newEntityId();
    const response = {
      ...input,
      id,
      version: 1,
      dateCreated: new Date(now()).toISOString(),
      selfUri: `/api/v2/responsemanagement/responses/${id}`,
    };
    state.responses.set(id, response);
    return response;
  }

  function get(id: string): Resource {
    const found = state.responses.get(id);
    if (!found) throw notFound();
    return found;
  }

  function create(call: Call) {
    return { status: 200, body: add(parseBody(cannedResponse, call.body)) };
  }

  /** Every change counts the version up; a body that names an older one is refused. */
  function replace(call: Call) {
    const before = get(call.param("responseId"));
    const body = parseBody(cannedResponse.extend({ version: z.int().optional() }), call.body);
    const version = Number(before["version"]);
    if (body.version !== undefined && body.version !== version) throw badRequest("The version is not the current one.");
    const after = { ...before, ...body, id: before.id, version: version + 1 };
    state.responses.set(before.id, after);
    return { status: 200, body: after };
  }

  function list(call: Call) {
    const libraryId = call.query.get("libraryId");
    if (!libraryId)
      throw badRequest("The libraryId is required.", [{ errorCode: "field.required", fieldName: "libraryId" }]);
    const inLibrary = [...state.responses.values()].filter((response) => libraryIds(response).includes(libraryId));
    return { status: 200, body: pageOf(inLibrary, readPage(call.query)) };
  }

  /** The phrase is looked for in name and texts; a `libraryId` filter narrows the search. */
  function search(call: Call) {
    const { queryPhrase = "", filters = [], ...page } = parseBody(query, call.body);
    const phrase = queryPhrase.toLowerCase();
    const libraries = filters.filter(({ name }) => name === "libraryId").flatMap(({ values }) => values);
    const found = [...state.responses.values()].filter(
      (response) =>
        JSON.stringify([response["name"], response["texts"]]).toLowerCase().includes(phrase) &&
        (libraries.length === 0 || libraryIds(response).some((id) => libraries.includes(id))),
    );
    return { status: 200, body: { results: pageOf(found, page) } };
  }

  const all = "/api/v2/responsemanagement/responses";
  const one = `${all}/{responseId}`;
  const routes: Route[] = [
    { method: "GET", path: one, needs: view, handle: (call) => ({ status: 200, body: get(call.param("responseId")) }) },
    { method: "GET", path: all, needs: view, handle: list },
    { method: "POST", path: `${all}/query`, needs: view, handle: search },
    { method: "POST", path: all, needs: { any: ["responses:response:add"] }, handle: create },
    { method: "PUT", path: one, needs: { any: ["responses:response:edit"] }, handle: replace },
  ];
  return { add, get, routes };
}
export type Responses = ReturnType<typeof createResponses>;

/** The text of a response with its marks filled; throws when a value is missing and the mark has no default. */
export function fillResponse(response: Resource, values: ReadonlyMap<string, string>): string {
  const { texts, substitutions = [] } = cannedResponse.parse(response);
  const defaults = new Map(substitutions.map(({ id, defaultValue }) => [id, defaultValue ?? undefined]));
  const text = texts.find(({ type }) => type !== "subject")?.content ?? "";
  return text.replace(/\{\{\s*([\w.-]+)\s*\}\}/g, (_mark, name: string) => {
    const value = values.get(name) ?? defaults.get(name);
    if (value === undefined) throw badRequest(`The template needs a value for ${name}.`);
    return value;
  });
}

function libraryIds({ libraries }: Resource) {
  const parsed = z.array(z.looseObject({ id: z.string() })).safeParse(libraries);
  return (parsed.data ?? []).map(({ id }) => id);
}
