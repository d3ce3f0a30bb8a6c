package service

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAServiceHasItsLeastPodsBeforeItsRoute(t *testing.T) {
	of := func(asked, available int64) map[string]any {
		return map[string]any{"spec": map[string]any{"replicas": asked}, "status": map[string]any{"availableReplicas": available}}
	}
	said := func(limit time.Duration, looks ...map[string]any) (string, int) {
		looked := 0
		text := awaitMinimum(t.Context(), func(_ context.Context, version, resource, namespace, name string) (map[string]any, error) {
			require.Equal(t, []string{"apps/v1", "deployments", "shop", "web"}, []string{version, resource, namespace, name})
			now := looks[min(looked, len(looks)-1)]
			looked++
			if now == nil {
				return nil, errors.New("forbidden")
			}
			return now, nil
		}, "shop", "web", 3, limit, time.Millisecond)
		return text, looked
	}
	text, looked := said(time.Minute, of(1, 1), of(3, 1), of(3, 2), of(3, 3))
	require.Empty(t, text)
	require.Equal(t, 4, looked)
	for name, looks := range map[string]map[string]any{"enough": of(5, 4), "scaled to 0 by hand": of(0, 0), "none": {}, "unknown": nil} {
		text, looked = said(time.Minute, looks)
		require.Empty(t, text, name)
		require.Equal(t, 1, looked, name)
	}
	text, _ = said(20*time.Millisecond, of(3, 1))
	require.Contains(t, text, "Deployment shop/web has 1 of the 3 pods that are its least")
}
