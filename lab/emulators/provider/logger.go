package provider

import (
	"context"
	"fmt"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// logger writes to the engine at an address, or nowhere.
type logger struct{ engine string }

func (l logger) info(ctx context.Context, message string) error {
	if l.engine == "" || message == "" {
		return nil
	}
	conn, err := grpc.NewClient(l.engine, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("reaching the engine: %w", err)
	}
	defer conn.Close()
	_, err = pulumirpc.NewEngineClient(conn).Log(ctx, &pulumirpc.LogRequest{
		Severity: pulumirpc.LogSeverity_INFO, Message: message,
	})
	return err
}
