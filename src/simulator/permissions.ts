/** Whether a client may use a route: roles decide for client credentials, scopes do not apply. */
import { missingPermissions } from "./api-error";
import type { ApiClient, PermissionRule } from "./route";

/** Throws the 403 that names what is missing; returns when the client may go on. */
export function requirePermissions(client: ApiClient, rule: PermissionRule | undefined) {
  if (!rule) return;
  if ("all" in rule) {
    const missing = rule.all.filter((permission) => !isGranted(client, permission));
    if (missing.length > 0) throw missingPermissions(missing, "all");
    return;
  }
  if (rule.any.some((permission) => isGranted(client, permission))) return;
  throw missingPermissions(rule.any, rule.any.length === 1 ? "all" : "any");
}

/** A grant is `domain:entity:action`, any part `*`, or `*` alone. */
function isGranted(client: ApiClient, permission: string) {
  const wanted = permission.split(":");
  return client.permissions.some((grant) => {
    if (grant === "*") return true;
    const parts = grant.split(":");
    return parts.length === wanted.length && parts.every((part, index) => part === "*" || part === wanted[index]);
  });
}
