/** Sets up an open-messaging integration in Genesys Cloud: media rules, typing, the integration itself. */
import type { Organisation } from "../config";
import { BridgeError } from "../errors";
import type { GenesysAnswer } from "../genesys/answer";
import { createGenesysClient } from "../genesys/client";
import { createIntegrations, type OpenIntegration } from "../genesys/integrations";

export interface ProvisionPlan {
  name: string;
  webhookUrl: string;
  secret: string;
  /** Media types that pass, each way; none: Genesys Cloud's own profile, which lets only pictures out. */
  mediaTypes: readonly string[];
}

export interface Provisioned {
  integrationId: string;
  supportedContentId: string | null;
  messagingSettingId: string;
}

/** Names what is done, as it is done. */
export type Tell = (step: string) => void;

const readEveryMs = 1000;
const mostReads = 60;

/**
 * Makes the integration and waits until Genesys Cloud has it.
 * @throws BridgeError `conflict` when there is one of this name, or for what Genesys Cloud refuses
 */
export async function provision(
  organisation: Organisation,
  plan: ProvisionPlan,
  { tell, wait = sleep }: { tell: Tell; wait?: (ms: number) => Promise<void> },
): Promise<Provisioned> {
  const client = createGenesysClient({ organisation, now: Date.now });
  const integrations = createIntegrations(client);
  try {
    const known = expectDone(await integrations.listIntegrations(), "messaging:integration:view");
    const twin = known.find(({ name }) => name === plan.name);
    if (twin !== undefined) {
      throw new BridgeError("conflict", `Genesys Cloud has an integration named ${plan.name} already: ${twin.id}`);
    }
    const supportedContentId =
      plan.mediaTypes.length === 0
        ? null
        : expectDone(
            await integrations.createSupportedContent(plan.name, plan.mediaTypes),
            "messaging:supportedContent:add",
          ).id;
    if (supportedContentId !== null) tell(`made the supported content profile ${supportedContentId}`);
    const setting = expectDone(await integrations.createMessagingSetting(plan.name), "messaging:setting:add");
    tell(`made the messaging setting ${setting.id}, typing on`);
    const made = expectDone(
      await integrations.createIntegration({
        ...plan,
        supportedContentId: supportedContentId ?? undefined,
        messagingSettingId: setting.id,
      }),
      "messaging:integration:add",
    );
    tell(`made the integration ${made.id}`);
    await untilCompleted(made);
    tell("Genesys Cloud has completed it");
    return { integrationId: made.id, supportedContentId, messagingSettingId: setting.id };
  } finally {
    await client.close();
  }

  async function untilCompleted(made: OpenIntegration): Promise<void> {
    let current = made;
    for (let reads = 0; current.createStatus !== "Completed" && current.createStatus !== undefined; reads += 1) {
      if (current.createStatus === "Error") {
        const why = current.createError?.message ?? "no reason given";
        throw new BridgeError("conflict", `Genesys Cloud could not complete the integration ${made.id}: ${why}`);
      }
      if (reads === mostReads) throw new BridgeError("conflict", `the integration ${made.id} is not complete yet`);
      await wait(readEveryMs);
      current = expectDone(await integrations.readIntegration(made.id), "messaging:integration:view");
    }
  }
}

function expectDone<T>(answer: GenesysAnswer<T>, permission: string): T {
  if (answer.status === "done") return answer.value;
  const { status, permissions } = answer.error;
  const lacking = permissions.length === 0 ? permission : permissions.join(" or ");
  const remark = status === 403 ? `: the OAuth client needs a role with ${lacking}` : "";
  throw new BridgeError("conflict", `Genesys Cloud did not do it (${answer.answer})${remark}`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
