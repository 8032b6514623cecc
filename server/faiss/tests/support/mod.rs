//! Clustered unit vectors, for tests and benchmarks: code embeddings gather by topic, uniform noise does not.

/// Draws `count` unit vectors around `clusters` centres. The centres depend on `dim` and `clusters` alone, so that
/// another `seed` draws queries from the same clusters.
pub(crate) fn clustered(count: usize, dim: usize, clusters: usize, seed: u64) -> Vec<f32> {
    let mut random = Random(0x5eed);
    let mut centres: Vec<f32> = (0..clusters * dim).map(|_| random.normal()).collect();
    centres.chunks_exact_mut(dim).for_each(normalise);
    let mut random = Random(seed);
    let noise = 0.8 / (dim as f32).sqrt(); // the noise is 0.8 long, the centre 1
    let mut rows = Vec::with_capacity(count * dim);
    for _ in 0..count {
        let centre = (random.next() % clusters as u64) as usize * dim;
        let start = rows.len();
        rows.extend(centres[centre..centre + dim].iter().map(|value| value + noise * random.normal()));
        normalise(&mut rows[start..]);
    }
    rows
}

fn normalise(row: &mut [f32]) {
    let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
    for value in row {
        *value /= length;
    }
}

/// splitmix64 (Vigna): the same numbers everywhere, without a dependency.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Nearly normal: the sum of four uniform numbers, with variance 1.
    fn normal(&mut self) -> f32 {
        let bits = self.next();
        let sum: u64 = (0..4).map(|part| bits >> (16 * part) & 0xffff).sum();
        (sum as f32 / 65_536.0 - 2.0) * 3.0_f32.sqrt()
    }
}
