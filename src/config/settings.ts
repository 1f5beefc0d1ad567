/** The settings file: every key, its limits and its default. */
import { z } from "zod";
import { deliverableKinds, reasonCodes } from "../message/message";
import {
  amount,
  dkimKey,
  domainName,
  emailAddress,
  flag,
  httpUrl,
  imapUrl,
  listOf,
  mailbox,
  named,
  oneOf,
  pattern,
  phoneNumber,
  region,
  section,
  signatureSecret,
  standardWebhooksSecret,
  text,
  timeOfDay,
  timeZone,
  urlOf,
  wholeNumber,
} from "./fields";

const longestSeconds = 259_200;

const organisation = section({
  region: region().optional().describe("AWS name or host of the Genesys Cloud region; GENESYS_REGION when absent."),
  clients: listOf(
    section({
      id: text("the id of an OAuth client (client credentials)"),
      secret: text("the secret of that OAuth client"),
    }),
    "a list of OAuth clients, each with id and secret",
  )
    .min(1, { error: "at least one OAuth client" })
    .optional()
    .describe("A pool of OAuth clients; GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET when absent."),
  requestsPerMinute: wholeNumber(2, 1_000_000, "requests a minute")
    .default(300)
    .describe("Genesys Cloud's limit for each client."),
  webMessaging: section({
    fallback: text("the name of a fallback policy")
      .optional()
      .describe("The policy for web messages that were not delivered; the only policy there is when absent."),
    from: text("a text").default("our web chat").describe("Who wrote, in notices of web messages that do not say."),
  })
    .prefault({})
    .describe("Web messages that Genesys Cloud could not deliver, as its triggers tell."),
});

const integration = section({
  name: pattern("a name of a-z, 0-9 and -", /^[a-z0-9-]+$/).describe("Stands in the webhook's URL."),
  id: text("the integration's id in Genesys Cloud", (value) => /^[\w.-]+$/.test(value)).describe(
    "Genesys Cloud's id of the integration.",
  ),
  organisation: text("the name of an organisation")
    .optional()
    .describe("The organisation it belongs to; the only one when absent."),
  signatureSecrets: listOf(signatureSecret(), "a list of secret tokens")
    .min(1, { error: "at least one secret token" })
    .describe("Each of them is valid, which lets a secret be changed without a gap; the first one signs."),
  channel: text("the name of a channel").describe("The channel its messages travel through."),
  fallback: text("the name of a fallback policy").optional().describe("The policy for messages that do not arrive."),
  receipts: oneOf(["all", "failures", "none"]).default("all").describe("Which outcomes Genesys Cloud is told."),
  acceptedCountsAsDelivered: flag()
    .default(false)
    .describe("Send a Delivered receipt when a channel that cannot confirm more has accepted."),
  onUnconfirmed: oneOf(["none", "fail"])
    .default("none")
    .describe("The receipt for a message not confirmed in time: none, or Failed with MessageExpired."),
  undeliveredAfterSeconds: wholeNumber(1, longestSeconds, "seconds")
    .default(86_400)
    .describe("Without a policy: how long a confirmation may take, from being accepted."),
  contacts: section({
    automatic: flag()
      .default(false)
      .describe("Resolve a customer's contact on their first message, by what their adapter knows of them."),
    proof: oneOf(["code", "none"])
      .default("code")
      .describe("What proves that customers own an address: a one-time code, or the word of whoever says so."),
    externalSource: section({ id: text("the id of an external source"), name: text("its name") })
      .optional()
      .describe("Genesys Cloud's external source that customers' ids are of."),
  })
    .prefault({})
    .describe("Who a customer is among Genesys Cloud's external contacts."),
});

const retry = section({
  maxAgeSeconds: amount(0, longestSeconds, "seconds")
    .default(900)
    .describe("How long a delivery is tried, from its first attempt."),
  firstDelayMs: wholeNumber(1, 3_600_000, "ms").default(500).describe("Wait before the second attempt; it doubles."),
  maxDelayMs: wholeNumber(1, 3_600_000, "ms").default(30_000).describe("Longest wait between attempts."),
})
  .refine((rule) => rule.firstDelayMs <= rule.maxDelayMs, {
    error: "at least firstDelayMs",
    path: ["maxDelayMs"],
  })
  .prefault({});

const accepts = section({
  kinds: listOf(oneOf(deliverableKinds), "a list of kinds")
    .min(1, { error: "at least one kind" })
    .optional()
    .describe("Kinds of messages it can show; all when absent."),
  textLength: wholeNumber(1, 1_000_000, "UTF-16 units").optional().describe("Longest text."),
  mediaTypes: listOf(
    pattern("a media type such as image/png or image/*", /^[\w.+-]+\/([\w.+-]+|\*)$/),
    "a list of media types",
  ).optional(),
  mediaBytes: wholeNumber(1, 104_857_600, "bytes").optional().describe("Largest attachment."),
  buttons: wholeNumber(0, 100).optional().describe("Most buttons it can show in one message."),
  typing: flag().optional().describe("Whether it can show that somebody is typing; true when absent."),
});

const sharedByChannels = {
  retry,
  accepts: accepts.optional().describe("Narrows what the channel is given."),
  media: oneOf(["auto", "pass", "rehost"])
    .default("auto")
    .describe("How attachments are handed on: their URL as it is, or a copy served by the bridge."),
};
const timeoutSeconds = amount(0.1, 120, "seconds").describe("How long one send may take.");

const dkim = section({
  domain: domainName().describe("Whose signature it is: the sender's domain, or one above it."),
  selector: pattern(
    "a selector such as omb or 2026.mail",
    /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/,
  ).describe("Which of the domain's keys: the public one is published at SELECTOR._domainkey.DOMAIN."),
  privateKey: dkimKey().describe("PEM; best as file:/path or env:NAME."),
});

const bounces = section({
  imap: imapUrl().describe("The mailbox that returnPath leads to: imaps://user:password@host/INBOX."),
  everySeconds: wholeNumber(5, 3600, "seconds").default(60).describe("How often it is looked at."),
});

const senderOrganisation = text("the name of an organisation")
  .optional()
  .describe("With provider genesys: the organisation that sends; the only one when absent.");

const channelTypes = [
  section({
    type: z.literal("http"),
    url: httpUrl().describe("Where deliveries are posted."),
    secret: standardWebhooksSecret().describe("Signs both ways."),
    confirms: oneOf(["accepted", "delivered", "read"])
      .default("accepted")
      .describe("The best news the adapter can bring."),
    timeoutSeconds: timeoutSeconds.default(10),
    ...sharedByChannels,
  }),
  section({
    type: z.literal("forward"),
    url: httpUrl().describe("The existing middleware's webhook."),
    secret: signatureSecret()
      .optional()
      .describe("Signs what is handed on; the integration's first secret when absent."),
    timeoutSeconds: timeoutSeconds.default(10),
    ...sharedByChannels,
  }),
  section({
    type: z.literal("email"),
    provider: oneOf(["smtp", "genesys"])
      .default("smtp")
      .describe("Who carries the mails: a mail server, or Genesys Cloud as agentless e-mail."),
    organisation: senderOrganisation,
    smtp: urlOf(["smtp:", "smtps:"], "an smtp:// or smtps:// URL").optional().describe("SMTP_URL when absent."),
    from: mailbox().optional().describe("MAIL_FROM when absent."),
    replyTo: mailbox().optional(),
    returnPath: emailAddress()
      .optional()
      .describe("Where notices that cannot be delivered come back to; +TOKEN is added before the @."),
    bounces: bounces.optional().describe("Reads mails that came back; when absent, omb bounce hands them over."),
    dkim: dkim.optional().describe("Signs mails (RFC 6376); when absent, that is left to the mail server."),
    timeoutSeconds: timeoutSeconds.default(30),
    ...sharedByChannels,
  }).refine((email) => email.provider === "genesys" || !email.bounces || email.returnPath !== undefined, {
    error: "an e-mail address whose mails come into the mailbox of bounces",
    path: ["returnPath"],
  }),
  section({
    type: z.literal("sms"),
    provider: oneOf(["twilio", "genesys"])
      .default("twilio")
      .describe("Who carries the SMS: Twilio, or Genesys Cloud as agentless SMS."),
    organisation: senderOrganisation,
    from: phoneNumber().optional().describe("With provider genesys: the organisation's number that sends."),
    timeoutSeconds: timeoutSeconds.default(10),
    ...sharedByChannels,
  }),
  section({
    type: z.literal("telegram"),
    token: text("the bot's token").describe("As given by @BotFather."),
    url: httpUrl().default("https://api.telegram.org").describe("The Bot API server."),
    updates: oneOf(["poll", "webhook"]).default("poll").describe("How customers' messages are fetched."),
    webhookSecret: text("1 to 256 characters of A-Z, a-z, 0-9, _ and -", (value) => /^[\w-]{1,256}$/.test(value))
      .optional()
      .describe("What Telegram shows in X-Telegram-Bot-Api-Secret-Token."),
    timeoutSeconds: timeoutSeconds.default(10),
    ...sharedByChannels,
  }),
  section({ type: z.literal("webchat"), timeoutSeconds: timeoutSeconds.default(10), ...sharedByChannels }),
] as const;

/** The types a channel can have. */
export const channelTypeNames = channelTypes.map((channel) => channel.shape.type.value);

const channel = z.discriminatedUnion("type", channelTypes, {
  error: (issue) =>
    issue.code === "invalid_union"
      ? `one of ${channelTypeNames.join(", ")}`
      : `an object with a type: ${channelTypeNames.join(", ")}`,
});

const quietHours = section({
  from: timeOfDay(),
  to: timeOfDay(),
  timeZone: timeZone().default("UTC").describe("Holds where the recipient's own time zone is not known."),
}).refine((hours) => hours.from !== hours.to, { error: "another time than from", path: ["to"] });

const step = section({
  channel: text("the name of a channel"),
  backup: text("the name of a channel")
    .optional()
    .describe("A second provider for this step, used at once when the first one cannot be used."),
  address: oneOf(["email", "phone", "recipient"])
    .optional()
    .describe("Which address it goes to: email for e-mail, phone for SMS, for others the recipient's own id."),
  afterSeconds: wholeNumber(0, longestSeconds, "seconds")
    .default(0)
    .describe("How long the step before it may take before this one is due."),
  until: oneOf(["accepted", "delivered"])
    .optional()
    .describe("The news that ends the policy: delivered where the channel can confirm it, else accepted."),
  quietHours: z
    .union([quietHours, z.literal("none")], { error: '"none", or an object with from, to and timeZone' })
    .optional()
    .describe("In place of the policy's: none, or other ones."),
});

/** The first two are those of Genesys Cloud's blueprint for e-mail about messages that were not delivered. */
const attributes = section({
  triggered: text("a name").default("WebMessagingNotificationTriggered").describe("Set to true."),
  contactFound: text("a name")
    .default("WebMessagingNotificationExternalContactFound")
    .describe("Set to true or false: whether an address of the customer was found."),
  outcome: text("a name")
    .default("WebMessagingNotificationOutcome")
    .describe("What became of the notice, such as `accepted by email`."),
});

const wording = section({
  subject: text("a text").optional(),
  text: text("a text").optional(),
  html: text("a text").optional(),
  sms: text("a text").optional(),
});

const policy = section({
  purpose: oneOf(["transactional", "marketing"]).default("transactional"),
  undeliveredAfterSeconds: wholeNumber(1, longestSeconds, "seconds")
    .default(900)
    .describe("How long a confirmation may take, from being accepted."),
  graceSeconds: wholeNumber(0, longestSeconds, "seconds")
    .default(60)
    .describe("Wait before a notice, in which further missed messages are collected."),
  digest: flag().default(true).describe("One notice for all messages missed by one recipient."),
  steps: listOf(step, "a list of steps, each with a channel").min(1, { error: "at least one step" }),
  never: listOf(oneOf(reasonCodes), "a list of reason codes")
    .default([])
    .describe("Reasons after which nobody is notified."),
  quietHours: quietHours.optional(),
  maxPerRecipientPerDay: wholeNumber(1, 1000, "notices").optional(),
  maxPerMinute: wholeNumber(1, 100_000, "notices").optional().describe("A brake over all recipients."),
  maxAgeSeconds: wholeNumber(1, 2_592_000, "seconds").default(86_400).describe("Older news is not told any more."),
  addresses: listOf(oneOf(["recipient", "adapter", "externalContact"]), "a list of places to look for addresses")
    .min(1, { error: "at least one place" })
    .default(["recipient", "adapter", "externalContact"])
    .describe("Where addresses are looked for, in this order, after addressOf."),
  addressOf: named(section({ email: emailAddress().optional(), phone: phoneNumber().optional() }))
    .default({})
    .describe("Addresses by recipient id; looked at first."),
  replies: oneOf(["inbound", "autoreply", "ignore"])
    .default("inbound")
    .describe("What becomes of an answer to an SMS: carried into the conversation, answered, or neither."),
  returnUrl: httpUrl().optional().describe("Where the customer can read on."),
  templates: named(wording)
    .default({})
    .describe(
      "Liquid templates by language. Variables: count, from, returnUrl, unsubscribeUrl, firstAt, lastAt, language, messages (text, from, at).",
    ),
  language: pattern("a language such as en or de-AT", /^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$/)
    .default("en")
    .describe("For customers whose language is not known."),
  revealText: flag().default(false).describe("Let templates show what the missed messages said."),
  country: pattern("a country of two letters such as AT", /^[A-Z]{2}$/)
    .optional()
    .describe("Where phone numbers without a country code are at home."),
  autoreply: text("a text").optional().describe("The answer to an SMS where replies is autoreply."),
  attributes: z
    .union([attributes, z.literal("none")], { error: '"none", or an object of names' })
    .prefault({})
    .describe("The participant attributes that tell agents what became of a notice."),
});

const retention = section({
  textDays: wholeNumber(1, 36_500, "days").default(30).describe("How long message text is kept."),
  messagesDays: wholeNumber(1, 36_500, "days").default(365).describe("How long everything else is kept."),
})
  .refine((kept) => kept.textDays <= kept.messagesDays, { error: "at least textDays", path: ["messagesDays"] })
  .prefault({});

const events = section({
  customerEndDelaySeconds: wholeNumber(0, 900, "seconds")
    .default(30)
    .describe("How long after a customer has left, as a trigger tells, the conversation is looked at."),
}).prefault({});

const countryCode = () => pattern("an ISO 3166 country code such as AT", /^[A-Z]{2}$/);

const contacts = section({
  codeMinutes: wholeNumber(1, 60, "minutes").default(10).describe("How long a one-time code is valid."),
  triesPerCode: wholeNumber(1, 10, "tries").default(5).describe("Wrong codes after which a new one is needed."),
  codesPerAddressPerHour: wholeNumber(1, 100, "codes").default(3),
  codesPerConversationPerDay: wholeNumber(1, 100, "codes").default(5),
  codesPerDay: wholeNumber(1, 1_000_000, "codes").default(500).describe("Over all, for e-mail and for SMS each."),
  smsCountries: listOf(countryCode(), "a list of ISO 3166 country codes")
    .default([])
    .describe("Countries that codes go to by SMS; none when empty."),
  country: countryCode().optional().describe("The country of phone numbers without a country code."),
  emailChannel: text("the name of a channel").optional().describe("Sends codes; the first of type email when absent."),
  smsChannel: text("the name of a channel").optional().describe("Sends codes; the first of type sms when absent."),
  subject: text("a text on one line", (value) => value !== "" && !/[\r\n]/.test(value)).default(
    "Your code: {{ code }}",
  ),
  text: text("a text with {{ code }} in it", (value) => /\{\{\s*code\s*\}\}/.test(value)).default(
    "Your code is {{ code }}. It is valid for {{ minutes }} minutes. If you did not ask for it, you can ignore this message.",
  ),
}).prefault({});

export const settings = section({
  $schema: z.string().optional(),
  organisations: named(organisation).default({}).describe("Genesys Cloud organisations by name."),
  integrations: listOf(integration, "a list of integrations")
    .default([])
    .describe("The Open Messaging integrations served."),
  channels: named(channel).default({}).describe("The ways to customers, by name."),
  fallback: named(policy).default({}).describe("What happens when a message does not arrive, by name."),
  events,
  contacts,
  maxBodyBytes: wholeNumber(1, 104_857_600, "bytes").default(1_048_576).describe("Largest webhook body taken."),
  retention,
});
export type Settings = z.infer<typeof settings>;
export type ChannelSettings = Settings["channels"][string];

/** JSON Schema (draft 2020-12) of the settings file, for editors. `env:` and `file:` pass wherever a text may stand. */
export function describeSettings() {
  return { ...z.toJSONSchema(settings, { io: "input" }), title: "Settings of open-messaging-bridge" };
}
