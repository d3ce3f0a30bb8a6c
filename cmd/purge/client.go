package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/scalestack/scalestack/internal/zoneapi"
)

// answer is the envelope of every answer of the API.
type answer struct {
	Success bool `json:"success"`
	Errors  []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
}

// purge makes one call, and makes it again while the API is busy or away.
func (one call) purge(ctx context.Context, c *zoneapi.Client) error {
	status, text, err := c.Post(ctx, "/zones/"+c.Zone+"/purge_cache", map[string][]string{one.kind: one.names})
	if err != nil {
		return err
	}
	return judge(c, status, text)
}

// judge demands the API's own word for success: a proxy in between can say 200
// as well.
func judge(c *zoneapi.Client, status int, text []byte) error {
	var a answer
	err := json.Unmarshal(text, &a)
	if err == nil && status == http.StatusOK && a.Success {
		return nil
	}
	var said []string
	for _, e := range a.Errors {
		said = append(said, strings.TrimSpace(fmt.Sprintf("%s (code %d)", e.Message, e.Code)))
	}
	if err != nil {
		return zoneapi.NotAPI(status)
	}
	return c.Problem(status, said, permission)
}
