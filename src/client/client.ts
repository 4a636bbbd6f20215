import type { State } from '../proofs/index.js';
import { Connection } from './connection.js';
import type { CallOptions, ClientOptions } from './options.js';

/** A client that believes nothing that it cannot verify. */
export class SteleClient extends Connection {
  /** Connects, and learns the identity of the server. @throws ClientError `unreachable` and others */
  static async connect(options: ClientOptions & CallOptions = {}): Promise<SteleClient> {
    const client = new SteleClient(options);
    try {
      await client.reach({ signal: options.signal });
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /** The newest verified state of the database; undefined before the first. */
  trustedState(): Promise<State | undefined> {
    return this.trust.trusted();
  }

  /** The current state of the server, proved to continue the trusted one. @throws VerificationError */
  verifiedState(options: CallOptions = {}): Promise<State> {
    return this.trust.verifiedState(options);
  }
}
