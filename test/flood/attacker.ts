import { ATTACKS, type Target } from './attacks.js';

// A process of its own, so that it takes no time from the client that is measured:
//   node attacker.js NAME TARGET-AS-JSON

const [name = '', json = '{}'] = process.argv.slice(2);
const attack = ATTACKS[name];
if (attack === undefined) throw new Error(`expected one of ${Object.keys(ATTACKS)}`);
console.log(await attack(JSON.parse(json) as Target));
process.exit(0);
