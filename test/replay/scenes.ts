/** Replays asked for over the API of a scene. */
import { adminToken, type Scene } from "../helpers/bridge";
import { until } from "../helpers/until";

export interface ReplayView {
  id: string;
  state: string;
  total: number;
  done: number;
  failed: number;
  skipped: number;
  because: Record<string, number>;
  problem: string | null;
  by: string;
  reason: string | null;
  differing: number;
  differences: Record<string, number>;
  examples: { messageId: string; changes: { what: string; was: string | null; now: string | null }[] }[];
}

/** One call to the API with the admin token; `answer` is its JSON. */
export async function ask(scene: Scene, method: "GET" | "POST", path: string, body?: unknown) {
  const headers = { authorization: `Bearer ${adminToken}`, "content-type": "application/json" };
  const { status, text } = await scene.call(
    method,
    path,
    headers,
    body === undefined ? undefined : JSON.stringify(body),
  );
  return { status, answer: text === "" ? undefined : JSON.parse(text) };
}

/** Asks for a replay and returns its id. */
export async function startReplay(scene: Scene, wanted: object): Promise<string> {
  const { status, answer } = await ask(scene, "POST", "/api/v1/replays", wanted);
  if (status !== 202) throw new Error(`the replay was refused: ${JSON.stringify(answer)}`);
  return answer.id as string;
}

export function untilEnded(scene: Scene, id: string, withinMs?: number): Promise<ReplayView> {
  return until(
    () => scene.get<ReplayView>(`/api/v1/replays/${id}`),
    ({ state }) => state !== "running",
    withinMs,
  );
}

export async function replay(scene: Scene, wanted: object): Promise<ReplayView> {
  return untilEnded(scene, await startReplay(scene, wanted));
}

/** All items there are, the oldest first. */
export async function listItems(scene: Scene) {
  const { items } = await scene.get<{
    items: { id: string; fate: string; kind: string; summary: string; recipient: { id: string } }[];
  }>("/api/v1/messages?limit=1000");
  return items.reverse();
}
