// One verified write and read with the Go client over mutual TLS.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/codenotary/immudb/pkg/client"
)

func main() {
	port := flag.Int("port", 3322, "")
	state := flag.String("state-dir", "", "")
	certificate := flag.String("certificate", "", "")
	key := flag.String("key", "", "")
	authorities := flag.String("authorities", "", "")
	flag.Parse()
	if err := run(*port, *state, *certificate, *key, *authorities); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("verified")
}

func run(port int, state, certificate, key, authorities string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	mtls := client.DefaultMTLsOptions().WithServername("localhost").WithCertificate(certificate).
		WithPkey(key).WithClientCAs(authorities)
	options := client.DefaultOptions().WithAddress("127.0.0.1").WithPort(port).WithDir(state).
		WithMTLs(true).WithMTLsOptions(mtls)
	c := client.NewClient().WithOptions(options)
	if err := c.OpenSession(ctx, []byte("immudb"), []byte("immudb"), "defaultdb"); err != nil {
		return err
	}
	defer c.CloseSession(ctx)
	if _, err := c.VerifiedSet(ctx, []byte("go"), []byte("over mTLS")); err != nil {
		return err
	}
	entry, err := c.VerifiedGet(ctx, []byte("go"))
	if err != nil {
		return err
	}
	if string(entry.Value) != "over mTLS" {
		return fmt.Errorf("got %q", entry.Value)
	}
	return nil
}
