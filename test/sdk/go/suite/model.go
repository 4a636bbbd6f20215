package suite

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"sort"
	"strings"
)

type kind int

const (
	plain kind = iota
	reference
	deleted
)

// thisTx as atTx means the transaction that is being written.
const thisTx = math.MaxUint64

// version is one write of a key.
type version struct {
	tx      uint64
	kind    kind
	value   []byte
	expired bool
	// expires is set for an entry that expires some day, expired or not.
	expires bool
	target  string
	atTx    uint64
}

type element struct {
	score float64
	key   string
	atTx  uint64
}

// write is one entry of a transaction: an element when set is not empty, else a version of key.
type write struct {
	set     string
	element element
	key     string
	version version
}

type rawEntry struct {
	key    []byte
	hValue [sha256.Size]byte
}

// found is what a read of a key answers. refKey is empty unless a reference was followed.
type found struct {
	tx, revision uint64
	key          string
	value        []byte
	refKey       string
	refTx        uint64
	refAtTx      uint64
	refRevision  uint64
}

// model is all that was ever written to the database.
type model struct {
	keys map[string][]version
	sets map[string]map[element]bool
	txs  [][]rawEntry
}

func newModel() *model {
	return &model{keys: map[string][]version{}, sets: map[string]map[element]bool{}}
}

func (m *model) last() uint64 { return uint64(len(m.txs)) }

// commit adds a transaction and returns the id that it must have.
func (m *model) commit(writes []write) uint64 {
	id := m.last() + 1
	entries := make([]rawEntry, 0, len(writes))
	for _, w := range writes {
		if w.set != "" {
			if w.element.atTx == thisTx {
				w.element.atTx = id
			}
			if m.sets[w.set] == nil {
				m.sets[w.set] = map[element]bool{}
			}
			m.sets[w.set][w.element] = true
		} else {
			if w.version.atTx == thisTx {
				w.version.atTx = id
			}
			w.version.tx = id
			m.keys[w.key] = append(m.keys[w.key], w.version)
		}
		entries = append(entries, w.raw())
	}
	m.txs = append(m.txs, entries)
	return id
}

func (w *write) raw() rawEntry {
	if w.set != "" {
		key := append([]byte{1}, u64(uint64(len(w.set)))...)
		key = append(key, w.set...)
		key = append(key, u64(math.Float64bits(w.element.score))...)
		key = append(key, u64(uint64(1+len(w.element.key)))...)
		key = append(append(append(key, 0), w.element.key...), u64(w.element.atTx)...)
		return rawEntry{key, sha256.Sum256(nil)}
	}
	key := append([]byte{0}, w.key...)
	switch w.version.kind {
	case reference:
		return rawEntry{key, sha256.Sum256(append([]byte{1}, w.version.referenceValue()...))}
	case deleted:
		return rawEntry{key, sha256.Sum256(nil)}
	default:
		return rawEntry{key, sha256.Sum256(append([]byte{0}, w.version.value...))}
	}
}

// hasMetadata tells whether the entry needs a transaction of header version 1.
func (w *write) hasMetadata() bool { return w.version.kind == deleted || w.version.expires }

// referenceValue is the value of a reference as History shows it.
func (v *version) referenceValue() []byte {
	return append(append(u64(v.atTx), 0), v.target...)
}

func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func (m *model) latest(key string) (*version, uint64) {
	versions := m.keys[key]
	if len(versions) == 0 {
		return nil, 0
	}
	return &versions[len(versions)-1], uint64(len(versions))
}

func (m *model) at(key string, tx uint64) *version {
	for i := range m.keys[key] {
		if m.keys[key][i].tx == tx {
			return &m.keys[key][i]
		}
	}
	return nil
}

// live tells whether the key has a version that is neither deleted nor expired.
func (m *model) live(key string) bool {
	v, _ := m.latest(key)
	return v != nil && v.kind != deleted && !v.expired
}

// get reads the latest value (atTx 0) or the one written by a transaction; nil when there is none.
func (m *model) get(key string, atTx uint64) *found {
	if atTx != 0 {
		return m.read(key, m.at(key, atTx), 0)
	}
	v, revision := m.latest(key)
	return m.read(key, v, revision)
}

func (m *model) read(key string, v *version, revision uint64) *found {
	if v == nil || v.kind == deleted || v.expired {
		return nil
	}
	if v.kind == plain {
		return &found{tx: v.tx, key: key, value: v.value, revision: revision}
	}
	f := m.get(v.target, v.atTx)
	if f != nil {
		f.refKey, f.refTx, f.refAtTx, f.refRevision = key, v.tx, v.atTx, revision
	}
	return f
}

// scan returns the live keys with the prefix, in order, references resolved.
func (m *model) scan(prefix string, desc bool) []*found {
	var names []string
	for key := range m.keys {
		if strings.HasPrefix(key, prefix) {
			names = append(names, key)
		}
	}
	sort.Strings(names)
	if desc {
		for i, j := 0, len(names)-1; i < j; i, j = i+1, j-1 {
			names[i], names[j] = names[j], names[i]
		}
	}
	var result []*found
	for _, name := range names {
		if f := m.get(name, 0); f != nil {
			result = append(result, f)
		}
	}
	return result
}

// storedKey is the key under which a scan found it.
func (f *found) storedKey() string {
	if f.refKey != "" {
		return f.refKey
	}
	return f.key
}

type zFound struct {
	element
	found *found
}

// zScan returns the elements that can be resolved, in numeric order of their scores.
func (m *model) zScan(set string, desc bool) []zFound {
	var result []zFound
	for e := range m.sets[set] {
		if f := m.get(e.key, e.atTx); f != nil {
			result = append(result, zFound{e, f})
		}
	}
	sort.Slice(result, func(i, j int) bool {
		if desc {
			i, j = j, i
		}
		return less(result[i].element, result[j].element)
	})
	return result
}

func less(a, b element) bool {
	if a.score != b.score {
		return a.score < b.score
	}
	if len(a.key) != len(b.key) {
		return len(a.key) < len(b.key)
	}
	if a.key != b.key {
		return a.key < b.key
	}
	return a.atTx < b.atTx
}

// history returns the versions of a key as History shows them.
func (m *model) history(key string, desc bool) []version {
	versions := append([]version(nil), m.keys[key]...)
	for i := range versions {
		v := &versions[i]
		if v.kind == reference {
			v.value = v.referenceValue()
		} else if v.kind == deleted || v.expired {
			v.value = nil
		}
	}
	if desc {
		for i, j := 0, len(versions)-1; i < j; i, j = i+1, j-1 {
			versions[i], versions[j] = versions[j], versions[i]
		}
	}
	return versions
}
