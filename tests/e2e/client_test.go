//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// client is a user of the app.
type client struct {
	base string
	http http.Client
}

type profile struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// answer is what the app said.
type answer struct {
	status       int
	cache, shard string
	body         profile
	text         string
}

func newClient(t *testing.T) *client {
	t.Helper()
	address := serviceAddress(t, outputs(t).Namespace, "app")
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{base: "http://" + address, http: http.Client{Timeout: 10 * time.Second, Transport: transport}}
}

func (c *client) do(method string, id int64, body any) (answer, error) {
	var payload bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&payload).Encode(body); err != nil {
			return answer{}, err
		}
	}
	request, err := http.NewRequest(method, fmt.Sprintf("%s/users/%d", c.base, id), &payload)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	got := answer{status: response.StatusCode, cache: response.Header.Get("X-Cache"), shard: response.Header.Get("X-Shard"), text: string(text)}
	if got.status == http.StatusOK || got.status == http.StatusCreated {
		err = json.Unmarshal(text, &got.body)
	}
	return got, err
}

// put writes a user and reports whether the app acknowledged it.
func (c *client) put(id int64, p profile) error {
	got, err := c.do(http.MethodPut, id, p)
	if err != nil {
		return err
	}
	if got.status/100 != 2 {
		return fmt.Errorf("PUT user %d: %d %s", id, got.status, got.text)
	}
	return nil
}

func (c *client) get(t *testing.T, id int64) answer {
	t.Helper()
	got, err := c.do(http.MethodGet, id, nil)
	require.NoError(t, err)
	return got
}
