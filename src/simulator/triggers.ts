/**
 * Process automation triggers. Each starts a workflow; here a workflow is what a *Call Data Action* step
 * does in the end: a POST to a URL with headers of its own.
 */
import { request } from "undici";
import { z } from "zod";
import { badRequest, notFound, parseBody } from "./api-error";
import { newEntityId } from "./ids";
import type { Call, Route } from "./route";
import type { State } from "./state";
import { fitsCriteria, fitsCriterion, matchCriteria } from "./trigger-match";
import { topics } from "./trigger-topics";

/** Where a workflow's data action posts to. */
export interface Workflow {
  url: string;
  headers?: Record<string, string>;
}

/** A trigger that fired: which event, for which trigger, and what its URL answered. */
export interface TriggerRun {
  triggerId: string;
  topic: string;
  event: Record<string, unknown>;
  /** Absent when the URL could not be reached. */
  status?: number;
  error?: string;
}

export interface TriggersDeps {
  state: State;
  /** Told of every trigger that fired. */
  report(run: TriggerRun): void;
  /** By workflow id; `*` serves every trigger whose workflow is not named. */
  workflows: ReadonlyMap<string, Workflow>;
  /** How long a second of `delayBySeconds` lasts, in milliseconds. */
  secondMs: number;
}

const callTimeoutMs = 10_000;

const newTrigger = z
  .looseObject({
    name: z.string().min(1),
    topicName: z.enum(topics),
    enabled: z.boolean(),
    target: z.looseObject({
      type: z.enum(["Workflow"]),
      id: z.string().min(1),
      workflowTargetSettings: z
        .looseObject({ dataFormat: z.enum(["Json", "TopLevelPrimitives"]).optional() })
        .optional(),
    }),
    matchCriteria: z.array(matchCriteria).nullish(),
    eventTTLSeconds: z.int().min(10).nullish(),
    delayBySeconds: z.int().min(60).max(900).nullish(),
  })
  .refine(({ eventTTLSeconds, delayBySeconds }) => eventTTLSeconds == null || delayBySeconds == null, {
    path: ["delayBySeconds"],
  });
const trigger = z.looseObject({ id: z.string(), ...newTrigger.shape });
type Trigger = z.infer<typeof trigger>;

export function createTriggers({ state, report, workflows, secondMs }: TriggersDeps) {
  const timers = new Set<NodeJS.Timeout>();

  /** Tells every enabled trigger of the topic whose criteria fit; delayed ones later. */
  function raise(topic: string, event: Record<string, unknown>) {
    for (const found of readAll()) {
      if (!found.enabled || found.topicName !== topic || !fitsCriteria(event, found.matchCriteria ?? [])) continue;
      const timer = setTimeout(
        () => {
          timers.delete(timer);
          void fire(found, topic, event);
        },
        (found.delayBySeconds ?? 0) * secondMs,
      );
      timers.add(timer);
    }
  }

  /** Calls the workflow's URL once. `Json` hands over topic and event, `TopLevelPrimitives` the event's flat values. */
  async function fire({ id, target }: Trigger, topic: string, event: Record<string, unknown>) {
    const run: TriggerRun = { triggerId: id, topic, event };
    const workflow = workflows.get(target.id) ?? workflows.get("*");
    const body =
      target.workflowTargetSettings?.dataFormat === "TopLevelPrimitives" ? keepPrimitives(event) : { topic, event };
    try {
      if (!workflow) throw new Error(`no URL is configured for workflow ${target.id}`);
      const answer = await request(workflow.url, {
        method: "POST",
        headers: { ...workflow.headers, "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(callTimeoutMs),
      });
      await answer.body.dump();
      run.status = answer.statusCode;
    } catch (error) {
      run.error = error instanceof Error ? error.message : String(error);
    }
    report(run);
  }

  function readAll() {
    return [...state.triggers.values()].map((stored) => trigger.parse(stored));
  }

  function get(id: string) {
    const found = state.triggers.get(id);
    if (!found) throw notFound();
    return found;
  }

  function create(call: Call) {
    const body = parseBody(newTrigger, call.body);
    const id = newEntityId();
    const created = { ...body, id, version: 1, selfUri: `/api/v2/processautomation/triggers/${id}` };
    state.triggers.set(id, created);
    return { status: 200, body: created };
  }

  function replace(call: Call) {
    const before = get(call.param("triggerId"));
    const body = parseBody(newTrigger, call.body);
    const after = { ...before, ...body, id: before.id, version: Number(before["version"]) + 1 };
    state.triggers.set(before.id, after);
    return { status: 200, body: after };
  }

  function remove(call: Call) {
    state.triggers.delete(get(call.param("triggerId")).id);
    return { status: 204 };
  }

  /** Says whether an event would match, without running anything (SDK `TestModeResults`). */
  function test(call: Call) {
    const found = trigger.parse(get(call.param("triggerId")));
    if (typeof call.body !== "object" || call.body === null) throw badRequest();
    const details = (found.matchCriteria ?? []).map((criterion) => ({
      ...criterion,
      matches: fitsCriterion(call.body, criterion),
    }));
    const matches = details.every((detailResult) => detailResult.matches);
    return {
      status: 200,
      body: {
        schemaValidation: { name: "Schema Validation", step: 1, matches: true },
        targetValidation: { name: "Target Validation", step: 2, matches: true },
        jsonPathValidation: { name: "JSON Path Validation", step: 3, matches, details },
        triggerMatches: found.enabled && matches,
      },
    };
  }

  /** Forgets the triggers that wait for their delay. */
  function stop() {
    for (const timer of timers) clearTimeout(timer);
    timers.clear();
  }

  const all = "/api/v2/processautomation/triggers";
  const one = `${all}/{triggerId}`;
  const view = { any: ["processautomation:trigger:view"] };
  const routes: Route[] = [
    { method: "POST", path: all, needs: { any: ["processautomation:trigger:add"] }, handle: create },
    {
      method: "GET",
      path: all,
      needs: view,
      handle: () => ({ status: 200, body: { entities: [...state.triggers.values()] } }),
    },
    {
      method: "GET",
      path: `${all}/topics`,
      needs: { any: ["processautomation:trigger:edit", "processautomation:trigger:view"] },
      handle: () => ({ status: 200, body: { entities: topics } }),
    },
    { method: "GET", path: one, needs: view, handle: (call) => ({ status: 200, body: get(call.param("triggerId")) }) },
    { method: "PUT", path: one, needs: { any: ["processautomation:trigger:edit"] }, handle: replace },
    { method: "DELETE", path: one, needs: { any: ["processautomation:trigger:delete"] }, handle: remove },
    { method: "POST", path: `${one}/test`, needs: { any: ["processautomation:trigger:test"] }, handle: test },
  ];
  return { raise, stop, routes };
}
export type Triggers = ReturnType<typeof createTriggers>;

function keepPrimitives(event: Record<string, unknown>) {
  return Object.fromEntries(Object.entries(event).filter(([, value]) => typeof value !== "object" || value === null));
}
