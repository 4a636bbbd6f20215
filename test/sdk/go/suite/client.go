// Package suite drives an unmodified immudb Go client with random operations and compares what it
// answers with a model. Everything here is common to all generations of the client; what one of them
// adds comes in as a Session.
package suite

import (
	"context"
	"time"

	"github.com/codenotary/immudb/pkg/api/schema"
	"github.com/codenotary/immudb/pkg/stream"
)

// Header is the header of a transaction: message TxMetadata up to 1.1, TxHeader since.
type Header interface {
	GetId() uint64
	GetTs() int64
	GetNentries() int32
	GetBlTxId() uint64
	comparable
}

// Client is what all generations of ImmuClient have in common.
type Client[H Header] interface {
	CurrentState(ctx context.Context) (*schema.ImmutableState, error)
	HealthCheck(ctx context.Context) error
	Count(ctx context.Context, prefix []byte) (*schema.EntryCount, error)
	CountAll(ctx context.Context) (*schema.EntryCount, error)

	Set(ctx context.Context, key []byte, value []byte) (H, error)
	SetAll(ctx context.Context, kvList *schema.SetRequest) (H, error)
	VerifiedSet(ctx context.Context, key []byte, value []byte) (H, error)
	SetReference(ctx context.Context, key []byte, referencedKey []byte) (H, error)
	SetReferenceAt(ctx context.Context, key []byte, referencedKey []byte, atTx uint64) (H, error)
	VerifiedSetReference(ctx context.Context, key []byte, referencedKey []byte) (H, error)
	VerifiedSetReferenceAt(ctx context.Context, key []byte, referencedKey []byte, atTx uint64) (H, error)
	ZAdd(ctx context.Context, set []byte, score float64, key []byte) (H, error)
	ZAddAt(ctx context.Context, set []byte, score float64, key []byte, atTx uint64) (H, error)
	VerifiedZAdd(ctx context.Context, set []byte, score float64, key []byte) (H, error)
	VerifiedZAddAt(ctx context.Context, set []byte, score float64, key []byte, atTx uint64) (H, error)
	ExecAll(ctx context.Context, in *schema.ExecAllRequest) (H, error)

	Get(ctx context.Context, key []byte) (*schema.Entry, error)
	GetSince(ctx context.Context, key []byte, tx uint64) (*schema.Entry, error)
	GetAt(ctx context.Context, key []byte, tx uint64) (*schema.Entry, error)
	GetAll(ctx context.Context, keys [][]byte) (*schema.Entries, error)
	VerifiedGet(ctx context.Context, key []byte) (*schema.Entry, error)
	VerifiedGetSince(ctx context.Context, key []byte, tx uint64) (*schema.Entry, error)
	VerifiedGetAt(ctx context.Context, key []byte, tx uint64) (*schema.Entry, error)
	History(ctx context.Context, req *schema.HistoryRequest) (*schema.Entries, error)
	Scan(ctx context.Context, req *schema.ScanRequest) (*schema.Entries, error)
	ZScan(ctx context.Context, req *schema.ZScanRequest) (*schema.ZEntries, error)
	TxByID(ctx context.Context, tx uint64) (*schema.Tx, error)
	VerifiedTxByID(ctx context.Context, tx uint64) (*schema.Tx, error)
	TxScan(ctx context.Context, req *schema.TxScanRequest) (*schema.TxList, error)

	StreamSet(ctx context.Context, kv []*stream.KeyValue) (H, error)
	StreamVerifiedSet(ctx context.Context, kv []*stream.KeyValue) (H, error)
	StreamExecAll(ctx context.Context, req *stream.ExecAllRequest) (H, error)
	StreamGet(ctx context.Context, k *schema.KeyRequest) (*schema.Entry, error)
	StreamVerifiedGet(ctx context.Context, k *schema.VerifiableGetRequest) (*schema.Entry, error)
	StreamScan(ctx context.Context, req *schema.ScanRequest) (*schema.Entries, error)
	StreamZScan(ctx context.Context, req *schema.ZScanRequest) (*schema.ZEntries, error)
	StreamHistory(ctx context.Context, req *schema.HistoryRequest) (*schema.Entries, error)
}

// Precondition holds in one of three ways, told apart by Kind, which is also the end of the text when
// it fails.
type Precondition struct {
	Kind string // KeyMustExist, KeyMustNotExist or KeyNotModifiedAfterTxID
	Key  []byte
	TxID uint64
}

// ScanRange is what 1.3 added to ScanRequest.
type ScanRange struct {
	EndKey                      []byte
	InclusiveSeek, InclusiveEnd bool
	Offset                      uint64
}

// Session is a client that has logged in and selected its database. A nil function is a call that this
// generation does not have.
type Session[H Header] struct {
	Client Client[H]
	// Context carries the token where the client does not do that itself.
	Context context.Context
	// Close ends the connection; the server may be gone.
	Close func()
	// HeaderOf is the header of a transaction.
	HeaderOf func(tx *schema.Tx) H

	Delete           func(ctx context.Context, keys [][]byte) (H, error)
	SetExpiring      func(ctx context.Context, key, value []byte, at time.Time) (H, error)
	SetIf            func(ctx context.Context, key, value []byte, conditions []Precondition) (H, error)
	GetAtRevision    func(ctx context.Context, key []byte, revision int64) (*schema.Entry, error)
	VerifiedRevision func(ctx context.Context, key []byte, revision int64) (*schema.Entry, error)
	ScanRange        func(request *schema.ScanRequest, r ScanRange)
}

// Options come from the command line, one program for each released client.
type Options struct {
	Port          int
	Database      string
	API           string // token or session
	StateDir      string
	PublicKey     string
	HeaderVersion int
	Seed          int64
	Operations    int
}

// Connect logs in. With create it makes the database first.
type Connect[H Header] func(ctx context.Context, o Options, create bool) (*Session[H], error)
