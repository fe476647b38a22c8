//! The made-up world's geography: countries under an operator's own numbering, and what calling them is like.

/// A country of the made-up operator, with a mobile destination and, for some, a fixed one.
struct DemoCountry {
    name: &'static str,
    /// ISO 3166 code.
    iso: &'static str,
    /// E.164 prefix of its fixed destination, empty where none is sold.
    fixed: &'static str,
    /// E.164 prefix of its mobile destination.
    mobile: &'static str,
    /// Digits of a full number.
    digits: u8,
    /// Share of the traffic, relative.
    weight: u32,
    /// Answered calls in a thousand, over good routes.
    asr: u16,
    /// Mean length of an answered call, seconds.
    acd: u16,
    /// Price of a minute to a mobile, in millionths; a fixed line costs a third.
    rate: u32,
}

const fn country(
    name: &'static str,
    iso: &'static str,
    (fixed, mobile, digits): (&'static str, &'static str, u8),
    weight: u32,
    (asr, acd, rate): (u16, u16, u32),
) -> DemoCountry {
    DemoCountry { name, iso, fixed, mobile, digits, weight, asr, acd, rate }
}

/// The place in this list, from 1, is the country's id.
const COUNTRIES: &[DemoCountry] = &[
    country("Argentina", "AR", ("5411", "54911", 13), 14, (520, 155, 92_000)),
    country("Australia", "AU", ("612", "614", 11), 28, (610, 190, 34_000)),
    country("Austria", "AT", ("431", "43664", 12), 22, (640, 165, 38_000)),
    country("Azerbaijan", "AZ", ("", "99450", 12), 6, (430, 120, 310_000)),
    country("Bahrain", "BH", ("", "9733", 11), 6, (470, 170, 145_000)),
    country("Bangladesh", "BD", ("", "88017", 13), 60, (360, 260, 26_000)),
    country("Belarus", "BY", ("", "37529", 12), 5, (440, 130, 340_000)),
    country("Belgium", "BE", ("322", "3247", 11), 24, (630, 160, 42_000)),
    country("Bolivia", "BO", ("", "5917", 11), 4, (420, 140, 180_000)),
    country("Brazil", "BR", ("5511", "55119", 13), 45, (480, 150, 36_000)),
    country("Bulgaria", "BG", ("3592", "35988", 12), 12, (560, 140, 88_000)),
    country("Cameroon", "CM", ("", "2376", 12), 8, (340, 110, 330_000)),
    country("Canada", "CA", ("1416", "1647", 11), 70, (650, 200, 9_000)),
    country("Chile", "CL", ("562", "569", 11), 10, (540, 145, 31_000)),
    country("China", "CN", ("8621", "86138", 13), 36, (500, 175, 21_000)),
    country("Colombia", "CO", ("57601", "57310", 12), 26, (500, 165, 24_000)),
    country("Costa Rica", "CR", ("", "5068", 11), 4, (510, 150, 62_000)),
    country("Croatia", "HR", ("", "38591", 12), 9, (590, 145, 78_000)),
    country("Cuba", "CU", ("", "535", 10), 9, (300, 95, 760_000)),
    country("Cyprus", "CY", ("", "35799", 11), 7, (600, 160, 36_000)),
    country("Czechia", "CZ", ("4202", "42060", 12), 18, (620, 140, 32_000)),
    country("Denmark", "DK", ("", "452", 10), 12, (630, 155, 28_000)),
    country("Dominican Republic", "DO", ("1809", "1829", 11), 15, (470, 185, 98_000)),
    country("Ecuador", "EC", ("", "5939", 12), 10, (450, 160, 190_000)),
    country("Egypt", "EG", ("202", "2010", 12), 34, (410, 185, 128_000)),
    country("Estonia", "EE", ("", "3725", 11), 4, (600, 130, 190_000)),
    country("Ethiopia", "ET", ("", "2519", 12), 10, (320, 150, 260_000)),
    country("Finland", "FI", ("", "35840", 12), 9, (620, 150, 44_000)),
    country("France", "FR", ("331", "336", 11), 66, (650, 170, 29_000)),
    country("Georgia", "GE", ("", "9955", 12), 5, (460, 125, 240_000)),
    country("Germany", "DE", ("4930", "49151", 13), 85, (660, 175, 31_000)),
    country("Ghana", "GH", ("", "23324", 12), 16, (380, 140, 245_000)),
    country("Greece", "GR", ("3021", "3069", 12), 15, (600, 165, 35_000)),
    country("Guatemala", "GT", ("", "5025", 11), 11, (440, 190, 150_000)),
    country("Hong Kong", "HK", ("8522", "8529", 11), 20, (580, 150, 27_000)),
    country("Hungary", "HU", ("361", "3630", 11), 13, (610, 140, 39_000)),
    country("India", "IN", ("9111", "919", 12), 130, (430, 235, 17_000)),
    country("Indonesia", "ID", ("6221", "62812", 13), 24, (440, 170, 64_000)),
    country("Ireland", "IE", ("3531", "35387", 12), 17, (640, 180, 30_000)),
    country("Israel", "IL", ("9723", "97254", 12), 20, (600, 165, 24_000)),
    country("Italy", "IT", ("3902", "39347", 12), 58, (630, 165, 30_000)),
    country("Jamaica", "JM", ("", "1876", 11), 10, (460, 200, 215_000)),
    country("Japan", "JP", ("813", "8190", 12), 22, (620, 160, 72_000)),
    country("Jordan", "JO", ("", "96279", 12), 11, (440, 175, 170_000)),
    country("Kazakhstan", "KZ", ("", "7701", 11), 9, (470, 135, 180_000)),
    country("Kenya", "KE", ("", "2547", 12), 15, (390, 130, 165_000)),
    country("Kuwait", "KW", ("", "9656", 11), 10, (470, 190, 110_000)),
    country("Latvia", "LV", ("", "3712", 11), 4, (590, 130, 160_000)),
    country("Lebanon", "LB", ("", "96170", 11), 11, (430, 195, 205_000)),
    country("Lithuania", "LT", ("", "3706", 11), 5, (600, 135, 60_000)),
    country("Malaysia", "MY", ("603", "6012", 11), 19, (530, 160, 34_000)),
    country("Mexico", "MX", ("5255", "5281", 12), 64, (500, 190, 14_000)),
    country("Morocco", "MA", ("2125", "2126", 12), 27, (400, 150, 320_000)),
    country("Nepal", "NP", ("", "97798", 13), 20, (370, 240, 120_000)),
    country("Netherlands", "NL", ("3120", "316", 11), 38, (650, 160, 27_000)),
    country("New Zealand", "NZ", ("", "6421", 11), 8, (620, 180, 52_000)),
    country("Nigeria", "NG", ("", "23480", 13), 38, (350, 135, 150_000)),
    country("Norway", "NO", ("", "474", 10), 11, (640, 155, 25_000)),
    country("Pakistan", "PK", ("9242", "9230", 12), 62, (370, 255, 78_000)),
    country("Panama", "PA", ("", "5076", 11), 4, (500, 150, 130_000)),
    country("Peru", "PE", ("511", "519", 11), 16, (500, 165, 20_000)),
    country("Philippines", "PH", ("632", "63917", 12), 52, (420, 280, 135_000)),
    country("Poland", "PL", ("4822", "4850", 11), 44, (630, 150, 28_000)),
    country("Portugal", "PT", ("35121", "3519", 12), 19, (620, 160, 29_000)),
    country("Qatar", "QA", ("", "9745", 11), 8, (470, 180, 190_000)),
    country("Romania", "RO", ("4021", "407", 11), 26, (590, 155, 33_000)),
    country("Saudi Arabia", "SA", ("96611", "9665", 12), 33, (440, 205, 140_000)),
    country("Senegal", "SN", ("", "22177", 12), 9, (350, 125, 380_000)),
    country("Serbia", "RS", ("", "3816", 12), 11, (570, 145, 260_000)),
    country("Singapore", "SG", ("656", "659", 10), 21, (620, 165, 18_000)),
    country("Slovakia", "SK", ("", "4219", 12), 8, (610, 140, 41_000)),
    country("South Africa", "ZA", ("2711", "278", 11), 24, (500, 150, 62_000)),
    country("South Korea", "KR", ("822", "8210", 12), 18, (590, 150, 30_000)),
    country("Spain", "ES", ("3491", "346", 11), 55, (640, 165, 26_000)),
    country("Sri Lanka", "LK", ("", "9477", 11), 14, (400, 230, 190_000)),
    country("Sweden", "SE", ("468", "467", 11), 20, (640, 155, 27_000)),
    country("Switzerland", "CH", ("4144", "4179", 11), 27, (660, 175, 56_000)),
    country("Taiwan", "TW", ("8862", "8869", 12), 12, (560, 155, 78_000)),
    country("Tanzania", "TZ", ("", "2557", 12), 9, (360, 125, 290_000)),
    country("Thailand", "TH", ("662", "668", 11), 17, (530, 160, 32_000)),
    country("Tunisia", "TN", ("", "2162", 11), 9, (410, 140, 350_000)),
    country("Türkiye", "TR", ("90212", "9053", 12), 40, (500, 160, 155_000)),
    country("Ukraine", "UA", ("38044", "38050", 12), 29, (520, 140, 175_000)),
    country("United Arab Emirates", "AE", ("9714", "97150", 12), 35, (480, 205, 160_000)),
    country("United Kingdom", "GB", ("4420", "447", 12), 120, (670, 180, 22_000)),
    country("United States", "US", ("1212", "1310", 11), 190, (640, 205, 8_000)),
    country("Uzbekistan", "UZ", ("", "99890", 12), 7, (430, 150, 130_000)),
    country("Vietnam", "VN", ("8424", "849", 11), 22, (450, 185, 68_000)),
];

/// Every country's id, name and ISO code.
pub(super) fn countries() -> impl Iterator<Item = (u32, &'static str, &'static str)> {
    (1..).zip(COUNTRIES).map(|(id, country)| (id, country.name, country.iso))
}

/// The name of a country of the made-up world, by `src_country_id` or `dst_country_id`.
pub fn country_name(id: u32) -> Option<&'static str> {
    let place = usize::try_from(id).ok()?.checked_sub(1)?;
    COUNTRIES.get(place).map(|country| country.name)
}

/// Something a call can be sent to, with its price.
pub(super) struct Destination {
    pub prefix: &'static str,
    pub country_id: u32,
    pub digits: u8,
    pub weight: f64,
    pub asr: u16,
    pub acd: u16,
    pub rate: u32,
    /// Seconds a call is billed in.
    pub step: u8,
}

/// Every destination, fixed before mobile, by country.
pub(super) fn destinations() -> Vec<Destination> {
    let mut all = Vec::new();
    for (country_id, country) in (1..).zip(COUNTRIES) {
        let mobile = Destination {
            prefix: country.mobile,
            country_id,
            digits: country.digits,
            weight: f64::from(country.weight) * if country.fixed.is_empty() { 1.0 } else { 0.65 },
            asr: country.asr,
            acd: country.acd,
            rate: country.rate,
            // The Americas' mobiles are commonly billed by the minute, or by six seconds after thirty.
            step: if country.mobile.starts_with("52") {
                60
            } else if country.mobile.starts_with('1') {
                6
            } else {
                1
            },
        };
        if !country.fixed.is_empty() {
            all.push(Destination {
                prefix: country.fixed,
                weight: f64::from(country.weight) * 0.35,
                asr: country.asr + 60,
                acd: country.acd + 25,
                rate: country.rate / 3,
                ..mobile
            });
        }
        all.push(mobile);
    }
    all
}

/// Vendors and their shares of the first attempts.
pub(super) const VENDORS: &[(&str, f64)] = &[
    ("Meridian Carrier", 17.0),
    ("Blue Strait Transit", 14.0),
    ("Kestrel Wholesale", 12.0),
    ("Transalpina", 10.0),
    ("Pacific Arc", 8.0),
    ("Sahel Connect", 7.0),
    ("Baltic Exchange Voice", 6.0),
    ("Monsoon Networks", 6.0),
    ("Delta Interlink", 5.0),
    ("Cordillera Telecom", 4.0),
    ("Levant Gateway", 3.5),
    ("Orion Termination", 3.0),
    ("Harbour Lines", 2.0),
    ("Polar Route", 1.5),
    ("Farwell Minutes", 1.0),
];

/// Names that callers show; half of the calls show none.
pub(super) const CALLERS: &[&str] = &[
    "Anna Keller",
    "Łukasz Nowak",
    "Søren Holm",
    "José Peña",
    "Zoë Martin",
    "Δημήτρης Παππάς",
    "Ольга Іваненко",
    "李娜",
    "佐藤 健",
    "محمد علي",
    "Priya Raman",
    "Ngọc Trần",
    "Front desk",
    "Accounts payable",
    "Service \"Nord\"",
    "O'Brien & Sons",
    "Taxi 24",
    "Praxis Dr. Weiß",
    "Hôtel du Lac",
    "Dispatch",
    "Support",
    "Sales",
    "Warehouse 7",
    "Café Ørsted",
    "Clinic",
    "Jiří Dvořák",
    "Fatoumata Diop",
    "Maria da Conceição",
    "Emre Yılmaz",
    "Conference room 3",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_have_names_in_order_and_destinations_are_told_apart() {
        assert_eq!(country_name(1), Some("Argentina"));
        assert_eq!(country_name(0), None);
        assert_eq!(country_name(10_000), None);
        assert!(COUNTRIES.is_sorted_by_key(|country| country.name.replace('ü', "u")));
        let mut prefixes: Vec<_> = destinations().iter().map(|d| d.prefix).collect();
        let all = prefixes.len();
        prefixes.sort_unstable();
        prefixes.dedup();
        assert_eq!(prefixes.len(), all);
        assert!((100..150).contains(&all), "{all}");
    }
}
