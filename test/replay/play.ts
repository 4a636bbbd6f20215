import type { MethodKind } from '../../src/wire/index.js';
import type { GrpcClient, RawAnswer } from '../support/grpc-client.js';
import { compareAnswer } from './compare.js';
import { parseMessage } from './message.js';
import type { Difference, Step, Trace } from './trace.js';

/** Makes the call of a step, with its metadata filled in. */
export type Send = (step: Step, headers: Record<string, string>) => Promise<RawAnswer>;

export interface StepResult {
  readonly step: Step;
  /** Meant or not. */
  readonly differences: readonly Difference[];
}

const KINDS: Readonly<Record<string, MethodKind>> = {
  uu: 'unary',
  us: 'serverStream',
  cu: 'clientStream',
  cs: 'bidi',
};

/** The bytes that were recorded go out as they are. */
export function sendOver(client: GrpcClient): Send {
  return async ({ name, method, kind, requestHex }, headers) => {
    const methodKind = KINDS[kind];
    if (methodKind === undefined) throw new Error(`${name}: unknown kind ${kind}`);
    const requests = [requestHex].flat().map((hex) => Buffer.from(hex, 'hex'));
    return await client.raw(method, methodKind, requests, { anonymous: true, headers });
  };
}

/** Makes the calls of a trace in order, and compares each answer with the recorded one. */
export async function playTrace(trace: Trace, send: Send): Promise<StepResult[]> {
  const strict = trace.extraFields !== 'ignored';
  const variables = new Map<string, string>();
  const results: StepResult[] = [];
  for (const step of trace.steps) {
    const answer = await send(step, fillIn(step, variables));
    for (const [variable, number] of Object.entries(step.capture ?? {})) {
      variables.set(variable, textOf(answer.messages[0], Number(number)));
    }
    results.push({ step, differences: compareAnswer(step, answer, strict) });
  }
  return results;
}

/** What was not captured, because its step failed, is empty. */
function fillIn({ metadata = {} }: Step, variables: Map<string, string>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [key, value] of Object.entries(metadata)) {
    headers[key] = value.replace(/\$\{(\w+)\}/g, (_, variable) => variables.get(variable) ?? '');
  }
  return headers;
}

function textOf(message: Buffer | undefined, number: number): string {
  if (message === undefined) return '';
  try {
    return parseMessage(message).get(number)?.[0]?.value.toString() ?? '';
  } catch {
    // The comparison says that these bytes are no message.
    return '';
  }
}
