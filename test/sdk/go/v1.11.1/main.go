// The suite on the Go client 1.11.1, which adds revisions and wider scans.
package main

import (
	"context"

	"github.com/codenotary/immudb/pkg/api/schema"
	"github.com/codenotary/immudb/pkg/client"
	"stele.test/sdk/since12"
	"stele.test/sdk/suite"
)

// withoutOptions has Get and VerifiedGet as they were before they took options.
type withoutOptions struct{ client.ImmuClient }

func (c withoutOptions) Get(ctx context.Context, key []byte) (*schema.Entry, error) {
	return c.ImmuClient.Get(ctx, key)
}

func (c withoutOptions) VerifiedGet(ctx context.Context, key []byte) (*schema.Entry, error) {
	return c.ImmuClient.VerifiedGet(ctx, key)
}

func connect(ctx context.Context, o suite.Options, create bool) (*suite.Session[*schema.TxHeader], error) {
	var c client.ImmuClient
	session, err := since12.Connect(ctx, o, create, func(made client.ImmuClient) suite.Client[*schema.TxHeader] {
		c = made
		return withoutOptions{made}
	})
	if err != nil {
		return nil, err
	}
	session.GetAtRevision = c.GetAtRevision
	session.VerifiedRevision = c.VerifiedGetAtRevision
	session.ScanRange = func(request *schema.ScanRequest, r suite.ScanRange) {
		request.EndKey, request.Offset = r.EndKey, r.Offset
		request.InclusiveSeek, request.InclusiveEnd = r.InclusiveSeek, r.InclusiveEnd
	}
	return session, nil
}

func main() { suite.Main("1.11.1", connect) }
