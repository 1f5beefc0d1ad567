/** Topics of process automation that a trigger may listen to. */

export const customerEndTopic = "v2.detail.events.conversation.{id}.customer.end";
export const userEndTopic = "v2.detail.events.conversation.{id}.user.end";
export const undeliveredTopic = "v2.webmessaging.deployments.{id}.undelivered.messages";

const detail = (name: string) => `v2.detail.events.conversation.{id}.${name}`;
/** All of them, `{id}` standing for the conversation or deployment. */
export const topics = [
  ...["acd.start", "acd.end", "acw", "attributes", "contact", "customer.start"].map(detail),
  customerEndTopic,
  ...["flow.start", "flow.end", "flow.outcome", "outbound", "user.start"].map(detail),
  userEndTopic,
  ...["voicemail.start", "voicemail.end", "wrapup"].map(detail),
  undeliveredTopic,
];
