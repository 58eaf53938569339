//! What the platform promises, from end to end: through the API of the deployed template, on the local cloud, with the
//! third parties played by the sandbox. `make test` sets it all up.

#![expect(clippy::unwrap_used, reason = "a part of a flow fails its flow")]

mod api_is_as_described;
mod deliveries_are_counted;
mod deliveries_go_out;
mod endpoints_misbehave;
mod events_are_gathered;
mod every_door_is_shut;
mod hostile_addresses;
mod leads_are_enriched;
mod leads_change;
mod leads_come_in;
mod moysklad_in_step;
mod moysklad_troubles;
mod people_have_rights;
mod receivers_verify;
mod switches_and_sources;
mod tenants_are_apart;
mod tenants_publish;
mod upstreams_fail;
mod whatsapp_comes_in;
mod whatsapp_goes_out;
mod whatsapp_senders;
mod workers_die;
