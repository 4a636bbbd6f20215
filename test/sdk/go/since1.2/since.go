// Package since12 is what the clients since 1.2 share: two ways to log in, deletion, expiry, preconditions.
package since12

import (
	"context"
	"time"

	"github.com/codenotary/immudb/pkg/api/schema"
	"github.com/codenotary/immudb/pkg/client"
	"stele.test/sdk/suite"
)

const user, password = "immudb", "immudb"

// Adapt turns an ImmuClient into what the suite calls.
type Adapt func(client.ImmuClient) suite.Client[*schema.TxHeader]

func options(o suite.Options) *client.Options {
	return client.DefaultOptions().
		WithAddress("127.0.0.1").
		WithPort(o.Port).
		WithDir(o.StateDir).
		WithServerSigningPubKey(o.PublicKey)
}

// Connect logs in as the options say: with a session, or with the older token API.
func Connect(ctx context.Context, o suite.Options, create bool, adapt Adapt) (*suite.Session[*schema.TxHeader], error) {
	open := token
	if o.API == "session" {
		open = session
	}
	c, end, err := open(ctx, o, create)
	if err != nil {
		return nil, err
	}
	return &suite.Session[*schema.TxHeader]{
		Client:   adapt(c),
		Context:  context.Background(),
		HeaderOf: (*schema.Tx).GetHeader,
		Close: func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_ = end(ctx)
		},
		SetIf: func(ctx context.Context, key, value []byte, conditions []suite.Precondition) (*schema.TxHeader, error) {
			return c.SetAll(ctx, conditional(key, value, conditions))
		},
		// In a database of header version 0 such a transaction alone gets version 1: these clients
		// verify a chain of both.
		Delete: func(ctx context.Context, keys [][]byte) (*schema.TxHeader, error) {
			return c.Delete(ctx, &schema.DeleteKeysRequest{Keys: keys})
		},
		SetExpiring: c.ExpirableSet,
	}, nil
}

type end = func(ctx context.Context) error

func session(ctx context.Context, o suite.Options, create bool) (client.ImmuClient, end, error) {
	if create {
		first := client.NewClient().WithOptions(options(o))
		if err := first.OpenSession(ctx, []byte(user), []byte(password), "defaultdb"); err != nil {
			return nil, nil, err
		}
		if _, err := first.CreateDatabaseV2(ctx, o.Database, nil); err != nil {
			return nil, nil, err
		}
		if err := first.CloseSession(ctx); err != nil {
			return nil, nil, err
		}
	}
	c := client.NewClient().WithOptions(options(o))
	err := c.OpenSession(ctx, []byte(user), []byte(password), o.Database)
	return c, c.CloseSession, err
}

func token(ctx context.Context, o suite.Options, create bool) (client.ImmuClient, end, error) {
	c, err := client.NewImmuClient(options(o))
	if err != nil {
		return nil, nil, err
	}
	if _, err := c.Login(ctx, []byte(user), []byte(password)); err != nil {
		return nil, nil, err
	}
	if create {
		if err := c.CreateDatabase(ctx, &schema.DatabaseSettings{DatabaseName: o.Database}); err != nil {
			return nil, nil, err
		}
	}
	_, err = c.UseDatabase(ctx, &schema.Database{DatabaseName: o.Database})
	return c, func(context.Context) error { return c.Disconnect() }, err
}

func conditional(key, value []byte, conditions []suite.Precondition) *schema.SetRequest {
	request := &schema.SetRequest{KVs: []*schema.KeyValue{{Key: key, Value: value}}}
	for _, c := range conditions {
		var p *schema.Precondition
		switch c.Kind {
		case "KeyMustExist":
			p = schema.PreconditionKeyMustExist(c.Key)
		case "KeyMustNotExist":
			p = schema.PreconditionKeyMustNotExist(c.Key)
		default:
			p = schema.PreconditionKeyNotModifiedAfterTX(c.Key, c.TxID)
		}
		request.Preconditions = append(request.Preconditions, p)
	}
	return request
}
