// The suite on the Go client 0.9.2: tokens only, header version 0.
package main

import (
	"context"

	"github.com/codenotary/immudb/pkg/api/schema"
	"github.com/codenotary/immudb/pkg/client"
	"google.golang.org/grpc/metadata"
	"stele.test/sdk/suite"
)

const user, password = "immudb", "immudb"

func connect(ctx context.Context, o suite.Options, create bool) (*suite.Session[*schema.TxMetadata], error) {
	c, err := client.NewImmuClient(client.DefaultOptions().
		WithAddress("127.0.0.1").
		WithPort(o.Port).
		WithDir(o.StateDir).
		WithServerSigningPubKey(o.PublicKey))
	if err != nil {
		return nil, err
	}
	login, err := c.Login(ctx, []byte(user), []byte(password))
	if err != nil {
		return nil, err
	}
	token := login.Token
	if create {
		if err := c.CreateDatabase(bearing(ctx, token), &schema.Database{Databasename: o.Database}); err != nil {
			return nil, err
		}
	}
	// A newcomer's program does without UseDatabase: its token is good for defaultdb.
	if o.Database != "defaultdb" {
		reply, err := c.UseDatabase(bearing(ctx, token), &schema.Database{Databasename: o.Database})
		if err != nil {
			return nil, err
		}
		token = reply.Token
	}
	return &suite.Session[*schema.TxMetadata]{
		Client:   c,
		Context:  bearing(context.Background(), token),
		Close:    func() { _ = c.Disconnect() },
		HeaderOf: (*schema.Tx).GetMetadata,
	}, nil
}

func bearing(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", token)
}

func main() { suite.Main("0.9.2", connect) }
