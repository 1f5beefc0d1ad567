/** Which secret tokens a command signs or verifies with. */
import type { Integration } from "../config";
import { StartError } from "../errors";
import type { NamedSecret } from "../webhook/diagnose";
import { readSecret } from "./input";
import { requireConfig } from "./settings";

export interface ChosenSecrets {
  secrets: [NamedSecret, ...NamedSecret[]];
  /** Those of the integrations not chosen. */
  otherSecrets: NamedSecret[];
}

/** Those given, else those of the named integration, else those of the only one. Throws StartError when none remains. */
export function chooseSecrets(
  given: readonly string[],
  integration: string | undefined,
  env: NodeJS.ProcessEnv,
): ChosenSecrets {
  const [first, ...more] = given.map((one, index) => ({
    name: given.length === 1 ? "the secret given" : `secret ${index + 1} of those given`,
    secret: readSecret(one, env),
  }));
  if (first) return { secrets: [first, ...more], otherSecrets: [] };
  const { integrations } = requireConfig(env).config;
  const chosen = chooseIntegration(integrations, integration);
  const [own, ...older] = nameSecrets(chosen);
  if (!own) throw new StartError(`${chosen.name} has no signatureSecrets: give --secret`);
  return { secrets: [own, ...older], otherSecrets: otherSecrets(integrations, chosen) };
}

export function nameSecrets({ name, signatureSecrets }: Integration): NamedSecret[] {
  return signatureSecrets.map((secret, index) => ({
    name: signatureSecrets.length === 1 ? name : `${name}, signatureSecrets[${index}]`,
    secret,
  }));
}

export function otherSecrets(integrations: readonly Integration[], chosen: Integration): NamedSecret[] {
  return integrations.filter((one) => one !== chosen).flatMap(nameSecrets);
}

function chooseIntegration(integrations: readonly Integration[], named: string | undefined): Integration {
  const fitting = integrations.filter(({ name, id }) => named === undefined || name === named || id === named);
  const [only] = fitting;
  if (only && fitting.length === 1) return only;
  const names = integrations.map(({ name }) => name).join(", ");
  if (integrations.length === 0) throw new StartError("the settings have no integration: give --secret");
  throw new StartError(
    named === undefined
      ? `--integration or --secret is needed: one of ${names}`
      : `no integration is ${named}: one of ${names}`,
  );
}
