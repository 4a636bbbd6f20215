package suite

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	callTimeout = 20 * time.Second
	maxFailures = 20
	// finalReads bounds the transactions verified one by one at the end.
	finalReads = 100
)

// errModelLost ends a run: a write came out differently, so nothing after it can be compared.
var errModelLost = errors.New("the model does not know the database any more")

type run[H Header] struct {
	options  Options
	connect  Connect[H]
	session  *Session[H]
	ctx      context.Context
	random   *rand.Rand
	model    *model
	stateTx  uint64 // id of the state that the client keeps
	verified int
	stdin    *bufio.Reader
}

type operation[H Header] struct {
	name    string
	weight  int
	perform func(r *run[H]) error
	missing bool
}

type failure struct {
	Operation int    `json:"operation"`
	Name      string `json:"name"`
	Detail    string `json:"detail"`
}

type report struct {
	SDK        string    `json:"sdk"`
	Version    string    `json:"version"`
	Seed       int64     `json:"seed"`
	Operations int       `json:"operations"`
	Verified   int       `json:"verified"`
	Failures   []failure `json:"failures"`
}

// Main runs the program: random operations, two checkpoints at which the server is killed, and a last
// line of JSON.
func Main[H Header](version string, connect Connect[H]) {
	var o Options
	flag.IntVar(&o.Port, "port", 3322, "")
	flag.StringVar(&o.Database, "database", "defaultdb", "")
	flag.StringVar(&o.API, "api", "token", "token or session")
	flag.StringVar(&o.StateDir, "state-dir", "", "folder of the client's state")
	flag.StringVar(&o.PublicKey, "public-key", "", "PEM file")
	flag.IntVar(&o.HeaderVersion, "header-version", 0, "version that new transactions must have")
	flag.Int64Var(&o.Seed, "seed", 1, "")
	flag.IntVar(&o.Operations, "operations", 1000, "")
	flag.Parse()

	r := &run[H]{
		options: o,
		connect: connect,
		random:  rand.New(rand.NewSource(o.Seed)),
		model:   newModel(),
		stdin:   bufio.NewReader(os.Stdin),
	}
	result := report{SDK: "go", Version: version, Seed: o.Seed, Failures: []failure{}}
	r.perform(&result)
	result.Verified = r.verified
	line, _ := json.Marshal(result)
	fmt.Println(string(line))
	if len(result.Failures) > 0 {
		os.Exit(1)
	}
}

func (r *run[H]) perform(result *report) {
	fail := func(name string, err error) {
		result.Failures = append(result.Failures, failure{result.Operations, name, err.Error()})
	}
	if err := r.login(r.options.Database != "defaultdb"); err != nil {
		fail("login", err)
		return
	}
	operations := r.operations()
	for result.Operations < r.options.Operations {
		third := max(r.options.Operations/3, 1)
		if n := result.Operations; n == third || n == 2*third {
			if err := r.checkpoint(n); err != nil {
				fail("reconnect", err)
				return
			}
		}
		op := r.choose(operations, result.Operations)
		err := r.within(op.perform)
		result.Operations++
		if err != nil {
			fail(op.name, err)
			if errors.Is(err, errModelLost) || len(result.Failures) >= maxFailures {
				return
			}
		}
	}
	if err := r.within(finalCheck[H]); err != nil {
		fail("final check", err)
	}
	r.session.Close()
}

func (r *run[H]) login(create bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	session, err := r.connect(ctx, r.options, create)
	r.session = session
	return err
}

// checkpoint lets the runner kill and restart the server, then comes back with the same state.
func (r *run[H]) checkpoint(n int) error {
	fmt.Printf("CHECKPOINT %d\n", n)
	answer, err := r.stdin.ReadString('\n')
	if err != nil || strings.TrimSpace(answer) != "GO" {
		return fmt.Errorf("instead of GO: %q %v", answer, err)
	}
	r.session.Close()
	return r.login(false)
}

func (r *run[H]) within(perform func(r *run[H]) error) (err error) {
	ctx, cancel := context.WithTimeout(r.session.Context, callTimeout)
	defer cancel()
	defer func() {
		// Several generations crash on an answer that they do not expect.
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	r.ctx = ctx
	return perform(r)
}

// choose begins with a verified write: some clients cannot verify a read from an empty state.
func (r *run[H]) choose(operations []operation[H], n int) *operation[H] {
	if n == 0 {
		return &operations[0]
	}
	total := 0
	for _, op := range operations {
		total += op.weight
	}
	pick := r.random.Intn(total)
	for i := range operations {
		if pick -= operations[i].weight; pick < 0 {
			return &operations[i]
		}
	}
	panic("unreachable")
}

// finalCheck verifies transactions all over the chain from the state that survived the restarts: one
// file, named after the server, or each restart would have begun with a new one.
func finalCheck[H Header](r *run[H]) error {
	states, _ := filepath.Glob(filepath.Join(r.options.StateDir, ".state-?*"))
	if len(states) != 1 {
		return fmt.Errorf("state files: %v", states)
	}
	step := max(r.model.last()/finalReads, 1)
	for tx := uint64(1); tx <= r.model.last(); tx += step {
		if err := r.verifyTx(tx); err != nil {
			return fmt.Errorf("tx %d: %w", tx, err)
		}
	}
	return nil
}

func (r *run[H]) key() string             { return plainKey(r.random.Intn(plainKeys)) }
func (r *run[H]) reference() string       { return string([]byte{'r', byte('0' + r.random.Intn(8))}) }
func (r *run[H]) bigKey() string          { return string([]byte{'b', byte('0' + r.random.Intn(3))}) }
func (r *run[H]) set() string             { return string([]byte{'s', byte('0' + r.random.Intn(3))}) }
func (r *run[H]) chance(percent int) bool { return r.random.Intn(100) < percent }

const plainKeys = 28

// plainKey contains bytes that are no text, zero among them.
func plainKey(i int) string { return string([]byte{'k', byte(i * 9), byte('a' + i%3)}) }

func (r *run[H]) anyKey() string {
	if r.chance(25) {
		return r.reference()
	}
	return r.key()
}

func (r *run[H]) value(most int) []byte {
	value := make([]byte, r.random.Intn(most))
	r.random.Read(value)
	return value
}

func (r *run[H]) score() float64 { return float64(r.random.Intn(60)-10) / 2 }

// target is a plain key and, when bound, a transaction in which it has a value. ok tells whether a
// reference to it can be made.
func (r *run[H]) target(bound bool) (key string, atTx uint64, ok bool) {
	key = r.key()
	if !bound {
		return key, 0, r.model.live(key)
	}
	for _, i := range r.random.Perm(len(r.model.keys[key])) {
		if v := r.model.keys[key][i]; v.kind == plain && !v.expired {
			return key, v.tx, true
		}
	}
	return key, 0, r.model.live(key)
}
