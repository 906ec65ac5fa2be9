//! The reduction of snarkjs' keys.
//!
//! Such a key's H points are Lagrange points of the odd coset, so H is given by its values there instead of its
//! coefficients: `A * B - C` on the coset of the 2n-th root of unity.

use ark_ff::PrimeField;
use ark_groth16::r1cs_to_qap::{LibsnarkReduction, R1CSToQAP, evaluate_constraint};
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use ark_relations::gr1cs::{ConstraintSystemRef, Matrix, SynthesisError};

/// How snarkjs turns equations into polynomials.
pub struct CircomReduction;

impl R1CSToQAP for CircomReduction {
    fn instance_map_with_evaluation<F: PrimeField, D: EvaluationDomain<F>>(
        cs: ConstraintSystemRef<F>,
        t: &F,
    ) -> Result<(Vec<F>, Vec<F>, Vec<F>, F, usize, usize), SynthesisError> {
        LibsnarkReduction::instance_map_with_evaluation::<F, D>(cs, t)
    }

    fn witness_map_from_matrices<F: PrimeField, D: EvaluationDomain<F>>(
        matrices: &[Matrix<F>],
        num_inputs: usize,
        num_constraints: usize,
        assignment: &[F],
    ) -> Result<Vec<F>, SynthesisError> {
        let too_large = SynthesisError::PolynomialDegreeTooLarge;
        let domain = D::new(num_constraints + num_inputs).ok_or(too_large)?;
        let values = |side: usize| -> Vec<F> {
            let rows = matrices[side]
                .iter()
                .map(|row| evaluate_constraint(row, assignment));
            rows.collect()
        };
        let (mut a, mut b) = (values(0), values(1));
        a.extend_from_slice(&assignment[..num_inputs]);
        a.resize(domain.size(), F::zero());
        b.resize(domain.size(), F::zero());
        let mut c: Vec<F> = a.iter().zip(&b).map(|(a, b)| *a * b).collect();

        let double = GeneralEvaluationDomain::<F>::new(2 * domain.size());
        let shift = double
            .ok_or(SynthesisError::PolynomialDegreeTooLarge)?
            .group_gen();
        let coset = domain
            .get_coset(shift)
            .ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        for values in [&mut a, &mut b, &mut c] {
            domain.ifft_in_place(values);
            coset.fft_in_place(values);
        }
        Ok(a.iter()
            .zip(&b)
            .zip(&c)
            .map(|((a, b), c)| *a * b - c)
            .collect())
    }

    /// `A * B - C` has a degree below 2n and vanishes on the n even points of the larger domain, so its value at `t` is
    /// made of its values at the odd ones: the scalars are their Lagrange coefficients.
    fn h_query_scalars<F: PrimeField, D: EvaluationDomain<F>>(
        max_power: usize,
        t: F,
        _: F,
        delta_inverse: F,
    ) -> Result<Vec<F>, SynthesisError> {
        let double = GeneralEvaluationDomain::<F>::new(2 * (max_power + 1));
        let double = double.ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        let all = double.evaluate_all_lagrange_coefficients(t);
        let odd = all.into_iter().skip(1).step_by(2);
        Ok(odd.map(|coefficient| coefficient * delta_inverse).collect())
    }
}
