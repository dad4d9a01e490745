import { useText } from "../i18n/index.ts";
import { formatAmount } from "../money.ts";

interface Props {
  amount: number;
  currency: string;
  signed?: boolean;
}

export function Amount({ amount, currency, signed }: Props) {
  const t = useText();
  return <span class="amount">{formatAmount(amount, currency, t.language, signed)}</span>;
}
