import { CallError, VerificationError } from './errors.js';

/** What servers say of data that do not match their digests. */
const DAMAGED = /(?:data|proof|digest).*(corrupt|not match)|is corrupted|damaged/i;

/** Which server, and which database of it. */
export interface DamagePlace {
  readonly server: string | undefined;
  readonly database: string;
}

/** A refusal in which the server reports damage, as what it is: history that does not verify. */
export function damageOf(error: unknown, place: DamagePlace): VerificationError | undefined {
  if (!(error instanceof CallError) || error.code !== 'refused') return undefined;
  if (!DAMAGED.test(error.details)) return undefined;
  const { server, database } = place;
  return new VerificationError(
    {
      check: 'serverReport',
      reason: 'the server itself finds its data damaged',
      expected: 'data that match their digests',
      found: error.details,
      server,
      database,
    },
    { cause: error },
  );
}

/** The same items; damage that the server reports meanwhile is thrown as what it is. */
export async function* sound<T>(items: AsyncIterable<T>, place: DamagePlace): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    throw damageOf(error, place) ?? error;
  }
}
