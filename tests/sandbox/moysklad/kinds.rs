//! The entities that are played: what each may hold, what it must, and what its metas point to.

/// A type of entity, by MoySklad's word for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Kind {
    Product,
    Variant,
    Bundle,
    Service,
    ProductFolder,
    CustomerOrder,
    Demand,
    RetailDemand,
    Currency,
    Uom,
    Organization,
    Counterparty,
    Store,
    Employee,
    Group,
    RetailStore,
    RetailShift,
    SalesChannel,
    Project,
    Contract,
    Country,
}

/// What a field takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Field {
    Text(usize),
    Bool,
    Int,
    /// Answered with a fraction: `30.0`.
    Number,
    Moment,
    /// Kept as it is given.
    Object,
    Texts,
    Barcodes,
    Packs,
    Ref(&'static [Kind]),
    State,
    /// `{value, currency}`
    Price,
    SalePrices,
    Attributes,
    /// `{currency, value}`
    Rate,
    Positions,
    Components,
    Characteristics,
}

use Field::{
    Attributes, Barcodes, Bool, Characteristics, Components, Int, Moment, Number, Object, Packs, Positions, Price,
    Rate, Ref, SalePrices, State, Text, Texts,
};
use Kind::{
    Bundle, Contract, Counterparty, Country, Currency, CustomerOrder, Demand, Employee, Group, Organization, Product,
    ProductFolder, Project, RetailDemand, RetailShift, RetailStore, SalesChannel, Service, Store, Uom, Variant,
};

type Fields = &'static [(&'static str, Field)];

const SHARED: Fields = &[
    ("name", Text(255)),
    ("code", Text(255)),
    ("externalCode", Text(255)),
    ("description", Text(4096)),
    ("shared", Bool),
    ("owner", Ref(&[Employee])),
    ("group", Ref(&[Group])),
];
const GOODS: Fields = &[
    ("archived", Bool),
    ("article", Text(255)),
    ("productFolder", Ref(&[ProductFolder])),
    ("salePrices", SalePrices),
    ("buyPrice", Price),
    ("minPrice", Price),
    ("attributes", Attributes),
    ("barcodes", Barcodes),
    ("uom", Ref(&[Uom])),
    ("vat", Int),
    ("vatEnabled", Bool),
    ("useParentVat", Bool),
    ("packs", Packs),
    ("weight", Number),
    ("volume", Number),
    ("country", Ref(&[Country])),
    ("supplier", Ref(&[Counterparty, Organization])),
    ("discountProhibited", Bool),
    ("paymentItemType", Text(255)),
    ("taxSystem", Text(255)),
    ("trackingType", Text(255)),
    ("tnved", Text(255)),
    ("minimumBalance", Number),
    ("weighed", Bool),
    ("onTap", Bool),
    ("isSerialTrackable", Bool),
    ("things", Texts),
];
const VARIANT: Fields = &[
    ("archived", Bool),
    ("product", Ref(&[Product])),
    ("characteristics", Characteristics),
    ("salePrices", SalePrices),
    ("buyPrice", Price),
    ("minPrice", Price),
    ("barcodes", Barcodes),
    ("packs", Packs),
    ("discountProhibited", Bool),
    ("things", Texts),
];
const COMPONENTS: Fields = &[("components", Components), ("overhead", Price)];
const FOLDER: Fields = &[
    ("archived", Bool),
    ("productFolder", Ref(&[ProductFolder])),
    ("vat", Int),
    ("vatEnabled", Bool),
    ("useParentVat", Bool),
    ("taxSystem", Text(255)),
];
const DOCUMENT: Fields = &[
    ("moment", Moment),
    ("applicable", Bool),
    ("organization", Ref(&[Organization])),
    ("agent", Ref(&[Counterparty, Organization])),
    ("store", Ref(&[Store])),
    ("state", State),
    ("project", Ref(&[Project])),
    ("contract", Ref(&[Contract])),
    ("salesChannel", Ref(&[SalesChannel])),
    ("rate", Rate),
    ("vatEnabled", Bool),
    ("vatIncluded", Bool),
    ("attributes", Attributes),
    ("positions", Positions),
];
const ADDRESS: Fields = &[("shipmentAddress", Text(255)), ("shipmentAddressFull", Object)];
const ORDER: Fields = &[("deliveryPlannedMoment", Moment)];
const SHIPMENT: Fields = &[("customerOrder", Ref(&[CustomerOrder])), ("overhead", Object)];
const RETAIL: Fields = &[
    ("customerOrder", Ref(&[CustomerOrder])),
    ("retailStore", Ref(&[RetailStore])),
    ("retailShift", Ref(&[RetailShift])),
    ("cashSum", Number),
    ("noCashSum", Number),
    ("qrSum", Number),
    ("fiscal", Bool),
];
const PARTY: Fields = &[
    ("archived", Bool),
    ("companyType", Text(255)),
    ("legalTitle", Text(4096)),
    ("legalAddress", Text(255)),
    ("actualAddress", Text(255)),
    ("inn", Text(255)),
    ("kpp", Text(255)),
    ("email", Text(255)),
    ("phone", Text(255)),
    ("fax", Text(255)),
    ("tags", Texts),
    ("attributes", Attributes),
];
const PLACE: Fields = &[("archived", Bool), ("address", Text(255)), ("attributes", Attributes)];
const MONEY: Fields =
    &[("archived", Bool), ("fullName", Text(255)), ("isoCode", Text(255)), ("rate", Number), ("multiplicity", Int)];
const PERSON: Fields = &[("archived", Bool), ("email", Text(255)), ("uid", Text(255))];
const PLAIN: Fields = &[("archived", Bool)];

impl Kind {
    const ALL: [Self; 21] = [
        Product,
        Variant,
        Bundle,
        Service,
        ProductFolder,
        CustomerOrder,
        Demand,
        RetailDemand,
        Currency,
        Uom,
        Organization,
        Counterparty,
        Store,
        Employee,
        Group,
        RetailStore,
        RetailShift,
        SalesChannel,
        Project,
        Contract,
        Country,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Product => "product",
            Variant => "variant",
            Bundle => "bundle",
            Service => "service",
            ProductFolder => "productfolder",
            CustomerOrder => "customerorder",
            Demand => "demand",
            RetailDemand => "retaildemand",
            Currency => "currency",
            Uom => "uom",
            Organization => "organization",
            Counterparty => "counterparty",
            Store => "store",
            Employee => "employee",
            Group => "group",
            RetailStore => "retailstore",
            RetailShift => "retailshift",
            SalesChannel => "saleschannel",
            Project => "project",
            Contract => "contract",
            Country => "country",
        }
    }

    pub(super) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(super) fn is_document(self) -> bool {
        matches!(self, CustomerOrder | Demand | RetailDemand)
    }

    /// What may stand in a position.
    pub(super) fn is_assortment(self) -> bool {
        matches!(self, Product | Variant | Bundle | Service)
    }

    pub(super) const ASSORTMENT: &'static [Self] = &[Product, Variant, Bundle, Service];

    /// Whether the table of its fields has `archived`.
    pub(super) fn has_archive(self) -> bool {
        self.field("archived").is_some()
    }

    fn tables(self) -> [Fields; 3] {
        match self {
            Product => [SHARED, GOODS, &[]],
            Service => [SHARED, GOODS, &[]],
            Bundle => [SHARED, GOODS, COMPONENTS],
            Variant => [SHARED, VARIANT, &[]],
            ProductFolder => [SHARED, FOLDER, &[]],
            CustomerOrder => [SHARED, DOCUMENT, const { &[ORDER[0], ADDRESS[0], ADDRESS[1]] }],
            Demand => [SHARED, DOCUMENT, const { &[SHIPMENT[0], SHIPMENT[1], ADDRESS[0], ADDRESS[1]] }],
            RetailDemand => [SHARED, DOCUMENT, RETAIL],
            Currency => [SHARED, MONEY, &[]],
            Organization | Counterparty => [SHARED, PARTY, &[]],
            Store | RetailStore => [SHARED, PLACE, &[]],
            Employee => [SHARED, PERSON, &[]],
            Uom | Group | RetailShift | SalesChannel | Project | Contract | Country => [SHARED, PLAIN, &[]],
        }
    }

    pub(super) fn fields(self) -> impl Iterator<Item = (&'static str, Field)> {
        self.tables().into_iter().flatten().copied()
    }

    pub(super) fn field(self, name: &str) -> Option<Field> {
        self.fields().find(|(own, _)| *own == name).map(|(_, field)| field)
    }

    /// What a creation must name. A document without a name is given a number, a variant the name of its product.
    pub(super) fn required(self) -> &'static [&'static str] {
        match self {
            CustomerOrder => &["organization", "agent"],
            Demand => &["organization", "agent", "store"],
            RetailDemand => &["organization", "agent", "store", "retailShift"],
            Variant => &["product", "characteristics"],
            Bundle => &["name", "components"],
            _ => &["name"],
        }
    }

    /// Under whose metadata its attributes are: services and bundles have a product's.
    pub(super) fn attributes_of(self) -> Self {
        match self {
            Service | Bundle => Product,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_name_and_the_fields_it_requires() {
        for kind in Kind::ALL {
            assert_eq!(Kind::by_name(kind.name()), Some(kind));
            for field in kind.required() {
                assert!(kind.field(field).is_some(), "{kind:?} {field}");
            }
        }
        assert_eq!(Kind::by_name("webhook"), None);
    }
}
