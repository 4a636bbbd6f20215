package suite

import (
	"bytes"
	"fmt"

	"github.com/codenotary/immudb/pkg/api/schema"
)

func differs(what string, got, expected any) error {
	return fmt.Errorf("%s: got %v, expected %v", what, got, expected)
}

// same compares an entry with what the model found.
func same(entry *schema.Entry, f *found) error {
	if entry.Tx != f.tx || string(entry.Key) != f.key || !bytes.Equal(entry.Value, f.value) {
		return fmt.Errorf("entry %q of tx %d with %d bytes, expected %q of tx %d with %d bytes",
			entry.Key, entry.Tx, len(entry.Value), f.key, f.tx, len(f.value))
	}
	if ref := entry.ReferencedBy; (ref != nil) != (f.refKey != "") {
		return differs("referenced by", ref, f.refKey)
	} else if ref != nil && (string(ref.Key) != f.refKey || ref.Tx != f.refTx || ref.AtTx != f.refAtTx) {
		return differs("referenced by", ref, f)
	}
	if e, ok := any(entry).(interface{ GetRevision() uint64 }); ok && e.GetRevision() != f.revision {
		return differs("revision", e.GetRevision(), f.revision)
	}
	return nil
}

// read compares the outcome of a call for one key; f is nil where nothing may be found.
func read(entry *schema.Entry, err error, f *found) error {
	if f == nil {
		if err == nil {
			return fmt.Errorf("found %v, expected nothing", entry)
		}
		return refused(err, keyNotFound)
	}
	if err != nil {
		return err
	}
	return same(entry, f)
}

// verifiedRead is read for a call that also moves the client's state.
func (r *run[H]) verifiedRead(entry *schema.Entry, err error, f *found) error {
	if err = read(entry, err, f); err == nil && f != nil {
		r.proved(f)
	}
	return err
}

func (r *run[H]) proved(f *found) {
	tx := f.tx
	if f.refKey != "" {
		tx = f.refTx
	}
	r.stateTx = max(r.stateTx, tx)
	r.verified++
}

// version is some key with one of the transactions that wrote it.
func (r *run[H]) version() (key string, tx uint64, revision int) {
	for {
		key = r.anyKey()
		if n := len(r.model.keys[key]); n > 0 {
			revision = 1 + r.random.Intn(n)
			return key, r.model.keys[key][revision-1].tx, revision
		}
		if r.chance(10) {
			return "never written", 1 + uint64(r.random.Int63n(int64(r.model.last()))), 1
		}
	}
}

func get[H Header](r *run[H]) error {
	key := r.anyKey()
	if r.chance(50) {
		entry, err := r.session.Client.Get(r.ctx, []byte(key))
		return read(entry, err, r.model.get(key, 0))
	}
	since := uint64(r.random.Int63n(int64(r.model.last() + 1)))
	entry, err := r.session.Client.GetSince(r.ctx, []byte(key), since)
	return read(entry, err, r.model.get(key, 0))
}

func getAt[H Header](r *run[H]) error {
	key, tx, _ := r.version()
	entry, err := r.session.Client.GetAt(r.ctx, []byte(key), tx)
	return read(entry, err, r.model.get(key, tx))
}

func verifiedGet[H Header](r *run[H]) error {
	key := r.anyKey()
	if r.chance(50) {
		entry, err := r.session.Client.VerifiedGet(r.ctx, []byte(key))
		return r.verifiedRead(entry, err, r.model.get(key, 0))
	}
	since := uint64(r.random.Int63n(int64(r.model.last() + 1)))
	entry, err := r.session.Client.VerifiedGetSince(r.ctx, []byte(key), since)
	return r.verifiedRead(entry, err, r.model.get(key, 0))
}

func verifiedGetAt[H Header](r *run[H]) error {
	key, tx, _ := r.version()
	entry, err := r.session.Client.VerifiedGetAt(r.ctx, []byte(key), tx)
	return r.verifiedRead(entry, err, r.model.get(key, tx))
}

func getAtRevision[H Header](r *run[H]) error {
	key, _, revision := r.version()
	versions := r.model.keys[key]
	asked := int64(revision)
	if revision > len(versions) {
		_, err := r.session.GetAtRevision(r.ctx, []byte(key), asked)
		return refused(err, keyNotFound)
	}
	if revision < len(versions) && r.chance(50) {
		asked = int64(revision - len(versions))
	}
	f := r.model.read(key, &versions[revision-1], uint64(revision))
	if r.chance(50) {
		entry, err := r.session.GetAtRevision(r.ctx, []byte(key), asked)
		return read(entry, err, f)
	}
	entry, err := r.session.VerifiedRevision(r.ctx, []byte(key), asked)
	return r.verifiedRead(entry, err, f)
}

func getAll[H Header](r *run[H]) error {
	var keys [][]byte
	var expected []*found
	for i := r.random.Intn(6); i >= 0; i-- {
		key := r.anyKey()
		keys = append(keys, []byte(key))
		if f := r.model.get(key, 0); f != nil {
			expected = append(expected, f)
		}
	}
	entries, err := r.session.Client.GetAll(r.ctx, keys)
	return sameEntries(entries, err, expected)
}

func sameEntries(entries *schema.Entries, err error, expected []*found) error {
	if err != nil {
		return err
	}
	if len(entries.Entries) != len(expected) {
		return differs("number of entries", len(entries.Entries), len(expected))
	}
	for i, entry := range entries.Entries {
		if err := same(entry, expected[i]); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return nil
}

// page cuts what a limit leaves; 0 is no limit.
func page[T any](all []T, offset, limit int) []T {
	all = all[min(offset, len(all)):]
	if limit > 0 && limit < len(all) {
		return all[:limit]
	}
	return all
}

func (r *run[H]) limit() int {
	if r.chance(40) {
		return 0
	}
	return 1 + r.random.Intn(12)
}

func scan[H Header](r *run[H]) error {
	request := &schema.ScanRequest{Desc: r.chance(40), Limit: uint64(r.limit())}
	request.Prefix = [][]byte{nil, []byte("k"), []byte("r"), []byte(plainKey(7))[:2]}[r.random.Intn(4)]
	seek, end := "", ""
	var extra ScanRange
	if r.chance(50) {
		seek = r.anyKey()
		request.SeekKey = []byte(seek)
	}
	if r.session.ScanRange != nil && r.chance(50) {
		if r.chance(50) {
			end = r.anyKey()
		}
		extra = ScanRange{[]byte(end), r.chance(50), r.chance(50), uint64(r.random.Intn(3))}
		r.session.ScanRange(request, extra)
	}
	var expected []*found
	for _, f := range r.model.scan(string(request.Prefix), request.Desc) {
		low, high := f.storedKey(), seek
		if request.Desc {
			low, high = high, low
		}
		if seek != "" && (low < high || low == high && !extra.InclusiveSeek) {
			continue
		}
		low, high = f.storedKey(), end
		if request.Desc {
			low, high = high, low
		}
		if end != "" && (low > high || low == high && !extra.InclusiveEnd) {
			continue
		}
		expected = append(expected, f)
	}
	entries, err := r.session.Client.Scan(r.ctx, request)
	return sameEntries(entries, err, page(expected, int(extra.Offset), int(request.Limit)))
}

func zScan[H Header](r *run[H]) error {
	request := &schema.ZScanRequest{Set: []byte(r.set()), Desc: r.chance(40), Limit: uint64(r.limit())}
	if r.chance(40) {
		request.MinScore = &schema.Score{Score: r.score()}
	}
	if r.chance(40) {
		request.MaxScore = &schema.Score{Score: r.score()}
	}
	all := r.model.zScan(string(request.Set), request.Desc)
	var seek *element
	if len(all) > 0 && r.chance(40) {
		seek = &all[r.random.Intn(len(all))].element
		request.SeekKey, request.SeekScore, request.SeekAtTx = []byte(seek.key), seek.score, seek.atTx
		request.InclusiveSeek = r.chance(50)
	}
	var expected []zFound
	for _, z := range all {
		if request.MinScore != nil && z.score < request.MinScore.Score ||
			request.MaxScore != nil && z.score > request.MaxScore.Score {
			continue
		}
		if seek != nil {
			before := less(z.element, *seek) != request.Desc && z.element != *seek
			if before || z.element == *seek && !request.InclusiveSeek {
				continue
			}
		}
		expected = append(expected, z)
	}
	entries, err := r.session.Client.ZScan(r.ctx, request)
	return sameZEntries(entries, err, page(expected, 0, int(request.Limit)), true)
}

func sameZEntries(entries *schema.ZEntries, err error, expected []zFound, resolved bool) error {
	if err != nil {
		return err
	}
	if len(entries.Entries) != len(expected) {
		return differs("number of elements", len(entries.Entries), len(expected))
	}
	for i, got := range entries.Entries {
		e := expected[i]
		if got.Score != e.score || string(got.Key) != e.key || got.AtTx != e.atTx {
			return differs(fmt.Sprintf("element %d", i), got, e.element)
		}
		if resolved {
			if err := same(got.Entry, e.found); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		} else if !bytes.Equal(got.Entry.Value, e.found.value) {
			return differs("value of element", len(got.Entry.Value), len(e.found.value))
		}
	}
	return nil
}

func history[H Header](r *run[H]) error {
	key := r.anyKey()
	request := &schema.HistoryRequest{Key: []byte(key), Desc: r.chance(50), Limit: int32(r.limit())}
	versions := r.model.history(key, request.Desc)
	offset := r.random.Intn(len(versions)+1) * r.random.Intn(2)
	request.Offset = uint64(offset)
	entries, err := r.session.Client.History(r.ctx, request)
	if len(versions) == 0 {
		return refused(err, keyNotFound)
	}
	if offset == len(versions) {
		return refused(err, "no more entries")
	}
	if err != nil {
		return err
	}
	expected := page(versions, offset, int(request.Limit))
	if len(entries.Entries) != len(expected) {
		return differs("number of versions", len(entries.Entries), len(expected))
	}
	for i, entry := range entries.Entries {
		v := expected[i]
		if entry.Tx != v.tx || string(entry.Key) != key || !bytes.Equal(entry.Value, v.value) {
			return differs(fmt.Sprintf("version %d of %q", i, key), entry, v)
		}
		if e, ok := any(entry).(interface{ GetExpired() bool }); ok && e.GetExpired() != v.expired {
			return differs("expired", e.GetExpired(), v.expired)
		}
		revision := uint64(offset + i + 1)
		if request.Desc {
			revision = uint64(len(versions) - offset - i)
		}
		if e, ok := any(entry).(interface{ GetRevision() uint64 }); ok && e.GetRevision() != revision {
			return differs("revision", e.GetRevision(), revision)
		}
	}
	return nil
}

// sameTx compares the entries of a transaction; the client takes the prefix off their keys, except in
// lists of transactions.
func (r *run[H]) sameTx(tx *schema.Tx, id uint64, stripped int) error {
	entries := r.model.txs[id-1]
	header := r.session.HeaderOf(tx)
	if header.GetId() != id || int(header.GetNentries()) != len(entries) || len(tx.Entries) != len(entries) {
		return differs("header", header, fmt.Sprintf("tx %d with %d entries", id, len(entries)))
	}
	for i, entry := range tx.Entries {
		if !bytes.Equal(entry.Key, entries[i].key[stripped:]) || !bytes.Equal(entry.HValue, entries[i].hValue[:]) {
			return differs("entry", entry, entries[i])
		}
	}
	return nil
}

func txByID[H Header](r *run[H]) error {
	id := 1 + uint64(r.random.Int63n(int64(r.model.last()+1)))
	if r.chance(60) && id <= r.model.last() {
		return r.verifyTx(id)
	}
	tx, err := r.session.Client.TxByID(r.ctx, id)
	if id > r.model.last() {
		return refused(err, "tx not found")
	}
	if err != nil {
		return err
	}
	return r.sameTx(tx, id, 1)
}

func (r *run[H]) verifyTx(id uint64) error {
	tx, err := r.session.Client.VerifiedTxByID(r.ctx, id)
	if err != nil {
		return err
	}
	r.verified++
	r.stateTx = max(r.stateTx, id)
	return r.sameTx(tx, id, 1)
}

func txScan[H Header](r *run[H]) error {
	id := 1 + uint64(r.random.Int63n(int64(r.model.last())))
	limit := 1 + r.random.Intn(10)
	desc := r.chance(50)
	list, err := r.session.Client.TxScan(r.ctx, &schema.TxScanRequest{InitialTx: id, Limit: uint32(limit), Desc: desc})
	if err != nil {
		return err
	}
	available := int(r.model.last() - id + 1)
	if desc {
		available = int(id)
	}
	if len(list.Txs) != min(limit, available) {
		return differs("number of transactions", len(list.Txs), min(limit, available))
	}
	for i, tx := range list.Txs {
		expected := id + uint64(i)
		if desc {
			expected = id - uint64(i)
		}
		if err := r.sameTx(tx, expected, 0); err != nil {
			return err
		}
	}
	return nil
}

func server[H Header](r *run[H]) error {
	c := r.session.Client
	if err := c.HealthCheck(r.ctx); err != nil {
		return err
	}
	state, err := c.CurrentState(r.ctx)
	if err != nil {
		return err
	}
	if state.TxId != r.model.last() || state.Db != r.options.Database {
		return differs("state", state, r.model.last())
	}
	count, err := c.Count(r.ctx, []byte("k"))
	if err != nil {
		return err
	}
	live := 0
	for key := range r.model.keys {
		if key[0] == 'k' && r.model.live(key) {
			live++
		}
	}
	if int(count.Count) != live {
		return differs("count", count.Count, live)
	}
	_, err = c.CountAll(r.ctx)
	return err
}
