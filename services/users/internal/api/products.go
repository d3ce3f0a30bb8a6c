package api

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/scalestack/scalestack/services/users/internal/users"
)

// product returns the two parts of a product's URL.
func product(w http.ResponseWriter, r *http.Request) (id int64, name string, ok bool) {
	id, wrong := userID(r)
	if wrong == nil {
		name, wrong = sku(r)
	}
	if wrong != nil {
		wrong.write(w)
		return 0, "", false
	}
	return id, name, true
}

func noProduct(id int64, sku string) *problem {
	return newProblem(http.StatusNotFound, "user "+strconv.FormatInt(id, 10)+" has no product "+sku)
}

func (a *API) getProduct(w http.ResponseWriter, r *http.Request) {
	id, sku, ok := product(w, r)
	if !ok {
		return
	}
	found, shard, err := a.service.GetProduct(r.Context(), id, sku)
	setShard(w, shard)
	switch {
	case err != nil:
		a.fail(w, r, err)
	case found == nil:
		noProduct(id, sku).write(w)
	default:
		writeJSON(w, http.StatusOK, "application/json", found)
	}
}

func (a *API) putProduct(w http.ResponseWriter, r *http.Request) {
	id, sku, ok := product(w, r)
	if !ok {
		return
	}
	o, wrong := offer(w, r)
	if wrong != nil {
		wrong.write(w)
		return
	}
	stored, shard, err := a.service.PutProduct(r.Context(), id, sku, o)
	setShard(w, shard)
	switch {
	case errors.Is(err, users.ErrNoUser):
		noUser(id).write(w)
	case err != nil:
		a.fail(w, r, err)
	default:
		writeJSON(w, statusOf(stored.Created), "application/json", stored)
	}
}

func (a *API) deleteProduct(w http.ResponseWriter, r *http.Request) {
	id, sku, ok := product(w, r)
	if !ok {
		return
	}
	found, shard, err := a.service.DeleteProduct(r.Context(), id, sku)
	setShard(w, shard)
	switch {
	case err != nil:
		a.fail(w, r, err)
	case !found:
		noProduct(id, sku).write(w)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}
