package suite

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/codenotary/immudb/pkg/api/schema"
	"github.com/codenotary/immudb/pkg/stream"
)

const (
	keyNotFound       = "key not found"
	noReferenceToRefs = "referenced key cannot be a reference"
	noReferenceHere   = "final key cannot be converted into a reference"
	illegalArguments  = "illegal arguments"
)

// refused is for a call that must fail with the text and leave nothing behind.
func refused(err error, text string) error {
	if err == nil {
		return fmt.Errorf("%w: accepted instead of %q", errModelLost, text)
	}
	if !strings.Contains(err.Error(), text) {
		return fmt.Errorf("expected %q, got %q", text, err)
	}
	return nil
}

// wrote takes the outcome of a write: refused when expected is a text, else committed as the writes.
func (r *run[H]) wrote(header H, err error, expected string, writes ...write) error {
	if expected != "" {
		return refused(err, expected)
	}
	if err != nil {
		return fmt.Errorf("%w: %v", errModelLost, err)
	}
	id := r.model.commit(writes)
	if header.GetId() != id || int(header.GetNentries()) != len(writes) || header.GetBlTxId() != id-1 {
		return fmt.Errorf("%w: header %v, expected id %d with %d entries", errModelLost, header, id, len(writes))
	}
	version := r.options.HeaderVersion
	for _, w := range writes {
		if w.hasMetadata() {
			version = 1
		}
	}
	if v, ok := any(header).(interface{ GetVersion() int32 }); ok && int(v.GetVersion()) != version {
		return fmt.Errorf("header version %d, expected %d", v.GetVersion(), version)
	}
	if age := time.Now().Unix() - header.GetTs(); age < -5 || age > 60 {
		return fmt.Errorf("time of transaction %d is %d seconds ago", id, age)
	}
	return nil
}

// verifiedWrite is wrote for a call that also moves the client's state.
func (r *run[H]) verifiedWrite(header H, err error, expected string, writes ...write) error {
	if err = r.wrote(header, err, expected, writes...); err == nil && expected == "" {
		r.verified++
		r.stateTx = r.model.last()
	}
	return err
}

func plainWrite(key string, value []byte) write {
	return write{key: key, version: version{kind: plain, value: value}}
}

func verifiedSet[H Header](r *run[H]) error {
	key, value := r.key(), r.value(64)
	header, err := r.session.Client.VerifiedSet(r.ctx, []byte(key), value)
	return r.verifiedWrite(header, err, "", plainWrite(key, value))
}

func set[H Header](r *run[H]) error {
	key, value := r.key(), r.value(64)
	header, err := r.session.Client.Set(r.ctx, []byte(key), value)
	return r.wrote(header, err, "", plainWrite(key, value))
}

// distinctKeys are up to most plain keys.
func (r *run[H]) distinctKeys(most int) []string {
	var keys []string
	for _, i := range r.random.Perm(plainKeys)[:1+r.random.Intn(most)] {
		keys = append(keys, plainKey(i))
	}
	return keys
}

func setAll[H Header](r *run[H]) error {
	request := &schema.SetRequest{}
	var writes []write
	for _, key := range r.distinctKeys(5) {
		value := r.value(64)
		request.KVs = append(request.KVs, &schema.KeyValue{Key: []byte(key), Value: value})
		writes = append(writes, plainWrite(key, value))
	}
	header, err := r.session.Client.SetAll(r.ctx, request)
	return r.wrote(header, err, "", writes...)
}

func setReference[H Header](r *run[H]) error {
	key := r.reference()
	target, atTx, ok := r.target(r.chance(40))
	expected := ""
	other := r.key()
	switch {
	case !ok:
		expected = keyNotFound
	case r.chance(5) && other != target && r.model.live(other):
		key, expected = other, noReferenceHere
	case r.chance(5) && r.model.live("r0"):
		key, target, atTx, expected = "r9", "r0", 0, noReferenceToRefs
	}
	w := write{key: key, version: version{kind: reference, target: target, atTx: atTx}}
	c, k, t := r.session.Client, []byte(key), []byte(target)
	var header H
	var err error
	verified := r.chance(60)
	switch {
	case verified && atTx > 0:
		header, err = c.VerifiedSetReferenceAt(r.ctx, k, t, atTx)
	case verified:
		header, err = c.VerifiedSetReference(r.ctx, k, t)
	case atTx > 0:
		header, err = c.SetReferenceAt(r.ctx, k, t, atTx)
	default:
		header, err = c.SetReference(r.ctx, k, t)
	}
	if verified {
		return r.verifiedWrite(header, err, expected, w)
	}
	return r.wrote(header, err, expected, w)
}

func zAdd[H Header](r *run[H]) error {
	verified := r.chance(50)
	set, score := r.set(), r.score()
	key, atTx, ok := r.target(r.chance(40))
	expected := ""
	switch {
	case !ok:
		expected = keyNotFound
	case verified && atTx > 0:
		// VerifiedZAddAt leaves boundRef out, so no server takes it.
		expected = illegalArguments
	case r.chance(5) && r.model.live("r0"):
		key, atTx, expected = "r0", 0, noReferenceToRefs
	}
	w := write{set: set, element: element{score, key, atTx}}
	c, s, k := r.session.Client, []byte(set), []byte(key)
	var header H
	var err error
	switch {
	case verified && atTx > 0:
		header, err = c.VerifiedZAddAt(r.ctx, s, score, k, atTx)
	case verified:
		header, err = c.VerifiedZAdd(r.ctx, s, score, k)
	case atTx > 0:
		header, err = c.ZAddAt(r.ctx, s, score, k, atTx)
	default:
		header, err = c.ZAdd(r.ctx, s, score, k)
	}
	if verified {
		return r.verifiedWrite(header, err, expected, w)
	}
	return r.wrote(header, err, expected, w)
}

// execAll writes keys and, in the same transaction, a reference and an element that point to them.
func execAll[H Header](r *run[H]) error {
	request := &schema.ExecAllRequest{}
	var writes []write
	add := func(op *schema.Op, w write) {
		request.Operations = append(request.Operations, op)
		writes = append(writes, w)
	}
	keys := r.distinctKeys(3)
	for _, key := range keys {
		value := r.value(64)
		add(&schema.Op{Operation: &schema.Op_Kv{Kv: &schema.KeyValue{Key: []byte(key), Value: value}}},
			plainWrite(key, value))
	}
	bound := r.chance(50)
	atTx := uint64(0)
	if bound {
		atTx = thisTx
	}
	if r.chance(70) {
		key := r.reference()
		add(&schema.Op{Operation: &schema.Op_Ref{Ref: &schema.ReferenceRequest{
			Key: []byte(key), ReferencedKey: []byte(keys[0]), BoundRef: bound}}},
			write{key: key, version: version{kind: reference, target: keys[0], atTx: atTx}})
	}
	if r.chance(70) {
		set, score := r.set(), r.score()
		add(&schema.Op{Operation: &schema.Op_ZAdd{ZAdd: &schema.ZAddRequest{
			Set: []byte(set), Score: score, Key: []byte(keys[0]), BoundRef: bound}}},
			write{set: set, element: element{score, keys[0], atTx}})
	}
	header, err := r.session.Client.ExecAll(r.ctx, request)
	return r.wrote(header, err, "", writes...)
}

func deleteKeys[H Header](r *run[H]) error {
	keys := [][]byte{[]byte(r.anyKey())}
	if other := r.anyKey(); r.chance(30) && other != string(keys[0]) {
		keys = append(keys, []byte(other))
	}
	expected := ""
	var writes []write
	for _, key := range keys {
		if !r.model.live(string(key)) {
			expected = keyNotFound
		}
		writes = append(writes, write{key: string(key), version: version{kind: deleted}})
	}
	header, err := r.session.Delete(r.ctx, keys)
	return r.wrote(header, err, expected, writes...)
}

func setExpiring[H Header](r *run[H]) error {
	key, value := r.key(), r.value(64)
	w := plainWrite(key, value)
	w.version.expires = true
	at := time.Now().Add(time.Hour)
	if r.chance(50) {
		at, w.version.expired = time.Now().Add(-time.Hour), true
	}
	header, err := r.session.SetExpiring(r.ctx, []byte(key), value, at)
	return r.wrote(header, err, "", w)
}

func setIf[H Header](r *run[H]) error {
	key, value := r.key(), r.value(64)
	condition := Precondition{Kind: "KeyMustExist", Key: []byte(r.key())}
	holds := r.model.live(string(condition.Key))
	switch r.random.Intn(3) {
	case 0:
		condition.Kind, holds = "KeyMustNotExist", !holds
	case 1:
		condition.Kind = "KeyNotModifiedAfterTxID"
		condition.TxID = 1 + uint64(r.random.Int63n(int64(r.model.last())))
		v, _ := r.model.latest(string(condition.Key))
		holds = v == nil || v.tx <= condition.TxID
	}
	expected := ""
	if !holds {
		expected = "precondition failed: " + condition.Kind
	}
	header, err := r.session.SetIf(r.ctx, []byte(key), value, []Precondition{condition})
	return r.wrote(header, err, expected, plainWrite(key, value))
}

// bigValue is never empty: these clients take an empty frame for the end of a stream.
func (r *run[H]) bigValue() []byte { return append([]byte{1}, r.value(200_000)...) }

func streamed(key string, value []byte) *stream.KeyValue {
	return &stream.KeyValue{
		Key:   &stream.ValueSize{Content: bytes.NewReader([]byte(key)), Size: len(key)},
		Value: &stream.ValueSize{Content: bytes.NewReader(value), Size: len(value)},
	}
}

func streamSet[H Header](r *run[H]) error {
	key, big := r.key(), r.bigKey()
	first, second := append([]byte{1}, r.value(64)...), r.bigValue()
	kvs := []*stream.KeyValue{streamed(key, first), streamed(big, second)}
	writes := []write{plainWrite(key, first), plainWrite(big, second)}
	if r.chance(50) {
		header, err := r.session.Client.StreamSet(r.ctx, kvs)
		return r.wrote(header, err, "", writes...)
	}
	header, err := r.session.Client.StreamVerifiedSet(r.ctx, kvs)
	return r.verifiedWrite(header, err, "", writes...)
}

func streamExecAll[H Header](r *run[H]) error {
	key, value := r.bigKey(), r.bigValue()
	set, score := "s9", r.score()
	request := &stream.ExecAllRequest{Operations: []*stream.Op{
		{Operation: &stream.Op_KeyValue{KeyValue: streamed(key, value)}},
		{Operation: &stream.Op_ZAdd{ZAdd: &schema.ZAddRequest{Set: []byte(set), Score: score, Key: []byte(key)}}},
	}}
	header, err := r.session.Client.StreamExecAll(r.ctx, request)
	return r.wrote(header, err, "",
		plainWrite(key, value), write{set: set, element: element{score, key, 0}})
}
