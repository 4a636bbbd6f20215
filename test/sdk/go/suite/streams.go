package suite

import (
	"bytes"
	"fmt"

	"github.com/codenotary/immudb/pkg/api/schema"
)

// Streams are read for the big keys only, whose values are never empty: these clients take an empty
// frame for the end of a stream.

func streamGet[H Header](r *run[H]) error {
	key := r.bigKey()
	f := r.model.get(key, 0)
	if r.chance(50) {
		entry, err := r.session.Client.StreamGet(r.ctx, &schema.KeyRequest{Key: []byte(key)})
		if f == nil {
			return refused(err, keyNotFound)
		}
		if err != nil {
			return err
		}
		if !bytes.Equal(entry.Key, []byte(key)) || !bytes.Equal(entry.Value, f.value) {
			return differs("streamed value", len(entry.Value), len(f.value))
		}
		return nil
	}
	if f == nil {
		return nil
	}
	entry, err := r.session.Client.StreamVerifiedGet(r.ctx, &schema.VerifiableGetRequest{
		KeyRequest:   &schema.KeyRequest{Key: []byte(key)},
		ProveSinceTx: r.stateTx,
	})
	if err != nil {
		return err
	}
	if !bytes.Equal(entry.Value, f.value) || entry.Tx != f.tx {
		return differs("streamed value", len(entry.Value), len(f.value))
	}
	r.proved(f)
	return nil
}

func sameStreamed(entries *schema.Entries, err error, expected [][]byte) error {
	if err != nil {
		return err
	}
	if len(entries.Entries) != len(expected) {
		return differs("number of streamed entries", len(entries.Entries), len(expected))
	}
	for i, entry := range entries.Entries {
		if !bytes.Equal(entry.Value, expected[i]) {
			return fmt.Errorf("streamed entry %d: %d bytes differ from %d", i, len(entry.Value), len(expected[i]))
		}
	}
	return nil
}

func streamScan[H Header](r *run[H]) error {
	desc := r.chance(50)
	var values [][]byte
	for _, f := range r.model.scan("b", desc) {
		values = append(values, f.value)
	}
	entries, err := r.session.Client.StreamScan(r.ctx, &schema.ScanRequest{Prefix: []byte("b"), Desc: desc})
	return sameStreamed(entries, err, values)
}

func streamHistory[H Header](r *run[H]) error {
	key := r.bigKey()
	versions := r.model.history(key, true)
	if len(versions) == 0 {
		return nil
	}
	var values [][]byte
	for _, v := range page(versions, 0, 4) {
		values = append(values, v.value)
	}
	request := &schema.HistoryRequest{Key: []byte(key), Limit: 4, Desc: true}
	entries, err := r.session.Client.StreamHistory(r.ctx, request)
	return sameStreamed(entries, err, values)
}

func streamZScan[H Header](r *run[H]) error {
	request := &schema.ZScanRequest{Set: []byte("s9"), Limit: 6, Desc: r.chance(50)}
	entries, err := r.session.Client.StreamZScan(r.ctx, request)
	expected := page(r.model.zScan("s9", request.Desc), 0, 6)
	return sameZEntries(entries, err, expected, false)
}

// operations is the table of everything that may happen; the first one begins every run.
func (r *run[H]) operations() []operation[H] {
	s := r.session
	table := []operation[H]{
		{"verifiedSet", 12, verifiedSet[H], false},
		{"set", 6, set[H], false},
		{"setAll", 6, setAll[H], false},
		{"setReference", 8, setReference[H], false},
		{"zAdd", 10, zAdd[H], false},
		{"execAll", 5, execAll[H], false},
		{"delete", 5, deleteKeys[H], s.Delete == nil},
		{"setExpiring", 4, setExpiring[H], s.SetExpiring == nil},
		{"setIf", 5, setIf[H], s.SetIf == nil},
		{"streamSet", 3, streamSet[H], false},
		{"streamExecAll", 2, streamExecAll[H], false},
		{"get", 6, get[H], false},
		{"getAt", 5, getAt[H], false},
		{"getAtRevision", 5, getAtRevision[H], s.GetAtRevision == nil},
		{"verifiedGet", 10, verifiedGet[H], false},
		{"verifiedGetAt", 6, verifiedGetAt[H], false},
		{"getAll", 4, getAll[H], false},
		{"scan", 7, scan[H], false},
		{"zScan", 7, zScan[H], false},
		{"history", 7, history[H], false},
		{"txByID", 8, txByID[H], false},
		{"txScan", 4, txScan[H], false},
		{"server", 2, server[H], false},
		{"streamGet", 4, streamGet[H], false},
		{"streamScan", 1, streamScan[H], false},
		{"streamHistory", 2, streamHistory[H], false},
		{"streamZScan", 2, streamZScan[H], false},
	}
	var available []operation[H]
	for _, op := range table {
		if !op.missing {
			available = append(available, op)
		}
	}
	return available
}
