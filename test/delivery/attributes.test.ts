import { createAttributes, type AttributeAnswer, type AttributeNames } from "../../src/delivery/notice-attributes";
import { leaseTasks } from "../../src/store/tasks";
import { engines } from "../helpers/stores";
import { type Lab, minute, openLab } from "./notice-lab";

const mira = "mira@harborline.example";
const names = { triggered: "Triggered", contactFound: "Found", outcome: "Outcome" };

function serve(lab: Lab, answers: AttributeAnswer[], chosen: AttributeNames = names) {
  const written: { conversationId: string; attributes: Record<string, string> }[] = [];
  const work = createAttributes({
    database: lab.database,
    organisation: "main",
    namesOf: () => chosen,
    async writeAttributes(conversationId, attributes) {
      written.push({ conversationId, attributes });
      return answers.shift() ?? { status: "done", answer: "HTTP 200" };
    },
    persist: (write) => write(),
    now: lab.now,
  });
  return {
    written,
    async run() {
      const now = lab.now();
      if (work.permits?.(now).count === 0) return;
      const tasks = await leaseTasks(lab.database, { queue: work.queue, limit: 10, now, leaseEnd: now + work.leaseMs });
      await Promise.all(await work.begin(tasks, now));
    },
  };
}

describe.each(engines)("on %s", (engine) => {
  test("every conversation that a notice speaks of is told once what became of it", async () => {
    const lab = await openLab(engine, { organisation: "main" });
    const first = await lab.miss(mira, { conversationId: "conversation-1" });
    await lab.miss(mira, { conversationId: "conversation-2" });
    await lab.miss(mira, { conversationId: "conversation-1" });
    lab.advance(minute);
    await lab.run();
    const desk = serve(lab, []);
    await desk.run();
    await desk.run();
    const attributes = { Triggered: "true", Found: "true", Outcome: "accepted by email" };
    expect(desk.written.sort((a, b) => a.conversationId.localeCompare(b.conversationId))).toEqual([
      { conversationId: "conversation-1", attributes },
      { conversationId: "conversation-2", attributes },
    ]);
    expect((await lab.find(first)).timeline.at(-1)).toMatchObject({ event: "attributes.written" });
  });

  test("an unreachable customer is told as such", async () => {
    const lab = await openLab(engine, { organisation: "main" });
    await lab.miss("visitor-1", { conversationId: "conversation-1" });
    lab.advance(minute);
    await lab.run();
    const desk = serve(lab, []);
    await desk.run();
    expect(desk.written[0]?.attributes).toEqual({ Triggered: "true", Found: "false", Outcome: "unreachable" });
  });

  test("a Genesys Cloud that asks to wait is left alone for as long, and one that refuses is not asked again", async () => {
    const lab = await openLab(engine, { organisation: "main" });
    const id = await lab.miss(mira, { conversationId: "conversation-1" });
    lab.advance(minute);
    await lab.run();
    const desk = serve(lab, [
      { status: "later", retryAfterMs: 30_000, answer: "HTTP 429" },
      { status: "refused", answer: "HTTP 404" },
    ]);
    await desk.run();
    lab.advance(29_999);
    await desk.run();
    expect(desk.written).toHaveLength(1);
    lab.advance(1);
    await desk.run();
    lab.advance(60 * minute);
    await desk.run();
    expect(desk.written).toHaveLength(2);
    const last = (await lab.find(id)).timeline.at(-1);
    expect(last).toMatchObject({ event: "attributes.refused", detail: { status: "accepted", answer: "HTTP 404" } });
  });

  test("names that are not wanted are not written, and without any nothing is asked", async () => {
    const lab = await openLab(engine, { organisation: "main" });
    await lab.miss(mira, { conversationId: "conversation-1" });
    lab.advance(minute);
    await lab.run();
    const desk = serve(lab, [], {});
    await desk.run();
    expect(desk.written).toEqual([]);
    const [left] = await leaseTasks(lab.database, { queue: "attributes:main", limit: 1, now: lab.now(), leaseEnd: 0 });
    expect(left).toBeUndefined();
  });

  test("without an organisation there is nobody to tell", async () => {
    const lab = await openLab(engine);
    await lab.miss(mira, { conversationId: "conversation-1" });
    lab.advance(minute);
    await lab.run();
    const desk = serve(lab, []);
    await desk.run();
    expect(desk.written).toEqual([]);
  });
});
