import type { ComponentType } from "preact";
import type { Messages } from "../i18n/index.ts";
import type { Parameters } from "../routes.ts";
import type { Acting } from "../session.ts";
import { RequestRefund } from "./buyer/request.tsx";
import { Certifications } from "./operator/certifications.tsx";
import { Corrections } from "./operator/corrections.tsx";
import { DeadLetterQueue } from "./operator/dead_letter_queue.tsx";
import { DeadLetters } from "./operator/dead_letters.tsx";
import { Merchant } from "./operator/merchant.tsx";
import { Merchants } from "./operator/merchants.tsx";
import { Reconciliation } from "./operator/reconciliation.tsx";
import { RefundLookUp } from "./operator/refund_look_up.tsx";
import { Reverse } from "./operator/reverse.tsx";
import { WaitingRefunds } from "./operator/waiting.tsx";
import { MerchantHome } from "./merchant/home.tsx";
import { CertificationScreen } from "./merchant/certification.tsx";
import { Settlement, SettlementReview } from "./merchant/settlement.tsx";
import { ShopScreen } from "./merchant/shop.tsx";
import { Orders } from "./orders.tsx";
import { Refunds } from "./refunds.tsx";
import { RefundScreen } from "./refund.tsx";
import { StatementScreen } from "./statement.tsx";
import { WalletScreen } from "./wallet.tsx";

export type Screen = ComponentType<Parameters>;

/** The address of each screen, under the role's own name, and what it shows. */
export const SCREENS: Record<Acting, Record<string, Screen>> = {
  merchant: {
    "": MerchantHome,
    shop: ShopScreen,
    certification: CertificationScreen,
    orders: Orders,
    wallet: WalletScreen,
    statement: StatementScreen,
    settlement: Settlement,
    "settlement/review": SettlementReview,
    refunds: Refunds,
    "refunds/:id": RefundScreen,
  },
  buyer: {
    "": Orders,
    orders: Orders,
    "orders/:id": RequestRefund,
    refunds: Refunds,
    "refunds/:id": RefundScreen,
    wallet: WalletScreen,
    statement: StatementScreen,
  },
  operator: {
    "": Certifications,
    certifications: Certifications,
    merchants: Merchants,
    "merchants/:id": Merchant,
    "merchants/:id/waiting": WaitingRefunds,
    refunds: RefundLookUp,
    "refunds/:id": RefundScreen,
    corrections: Corrections,
    reversal: Reverse,
    reconciliation: Reconciliation,
    "dead-letters": DeadLetters,
    "dead-letters/:queue": DeadLetterQueue,
  },
};

interface MenuGroup {
  title: string | null;
  items: [address: string, label: string][];
}

export function menuOf(acting: Acting, t: Messages): MenuGroup[] {
  const { nav } = t;
  const menus: Record<Acting, MenuGroup[]> = {
    merchant: [
      { title: null, items: [["", t.home]] },
      {
        title: nav.shopGroup,
        items: [
          ["shop", nav.shop],
          ["certification", nav.certification],
        ],
      },
      {
        title: nav.tradeGroup,
        items: [
          ["orders", nav.orders],
          ["refunds", nav.refunds],
          ["wallet", nav.walletAndSettlement],
        ],
      },
    ],
    buyer: [
      {
        title: null,
        items: [
          ["orders", nav.orders],
          ["refunds", nav.refunds],
          ["wallet", nav.wallet],
        ],
      },
    ],
    operator: [
      {
        title: nav.operateGroup,
        items: [
          ["certifications", nav.certifications],
          ["merchants", nav.merchants],
        ],
      },
      {
        title: nav.moneyGroup,
        items: [
          ["refunds", nav.refundLookUp],
          ["corrections", nav.corrections],
          ["reversal", nav.reversal],
          ["reconciliation", nav.reconciliation],
        ],
      },
      { title: nav.systemGroup, items: [["dead-letters", nav.deadLetters]] },
    ],
  };
  return menus[acting];
}
